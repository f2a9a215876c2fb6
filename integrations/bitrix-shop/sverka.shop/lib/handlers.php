<?php
namespace Sverka\Shop;

use Bitrix\Main\Application;
use Bitrix\Main\Config\Option;
use Bitrix\Main\Event;

/** What the site calls: its events, which only write down what happened, and its agent, which sends. */
final class Handlers
{
    private const MODULE = 'sverka.shop';
    private const PROPERTIES = [
        'inn' => ['INN', 'COMPANY_INN', 'UR_INN', 'ORG_INN'],
        'kpp' => ['KPP'],
        'ogrn' => ['OGRN'],
        'name' => ['COMPANY', 'COMPANY_NAME'],
        'address' => ['COMPANY_ADR', 'ADDRESS'],
        'contact' => ['CONTACT_PERSON', 'FIO'],
        'email' => ['EMAIL'],
        'phone' => ['PHONE'],
    ];

    public static function onOrderSaved(Event $event): void
    {
        $changed = (array)$event->getParameter('VALUES');
        $order = $event->getParameter('ENTITY');
        $name = match (true) {
            (bool)$event->getParameter('IS_NEW') => 'order.created',
            $order->isCanceled() && array_key_exists('CANCELED', $changed) => 'order.canceled',
            $order->isPaid() && array_key_exists('PAYED', $changed) => 'order.paid',
            array_key_exists('STATUS_ID', $changed) => 'order.status_changed',
            default => 'order.updated',
        };
        self::written(static fn() => self::snapshot()->of($order, $name, new \DateTimeImmutable()));
    }

    public static function onOrderDeleted(Event $event): void
    {
        $order = $event->getParameter('ENTITY');
        self::written(
            static fn() => self::snapshot()->deleted((int)$order->getId(), $order->getSiteId(), new \DateTimeImmutable())
        );
    }

    /** Sends what waits; the site calls it every minute (set agents up to run by cron, not by visits). */
    public static function agent(): string
    {
        self::queue()->run(time());
        return '\\Sverka\\Shop\\Handlers::agent();';
    }

    /** @param callable(): array<string, mixed> $push a buyer's order must not fail because of us */
    private static function written(callable $push): void
    {
        try {
            self::queue()->put($push(), time());
        } catch (\Throwable $error) {
            \CEventLog::Add([
                'SEVERITY' => 'ERROR', 'AUDIT_TYPE_ID' => 'SVERKA_SHOP', 'MODULE_ID' => self::MODULE,
                'DESCRIPTION' => $error->getMessage(),
            ]);
        }
    }

    private static function queue(): Queue
    {
        $signer = new Signer(Option::get(self::MODULE, 'secret'), Option::get(self::MODULE, 'key_id', '1'));
        $store = new TableStore(Application::getConnection());
        $mail = Option::get(self::MODULE, 'mail', Option::get('main', 'email_from'));
        $giveUp = static function (string $what) use ($mail): void {
            \bxmail($mail, 'Sverka: a push was given up', $what);
        };
        return new Queue($store, new Transport(), $signer, Option::get(self::MODULE, 'url'), $giveUp);
    }

    private static function snapshot(): Snapshot
    {
        $own = json_decode(Option::get(self::MODULE, 'properties', '{}'), true) ?: [];
        $legal = array_map('intval', array_filter(explode(',', Option::get(self::MODULE, 'legal_person_types'))));
        $utf8 = static fn(string $text): string => defined('BX_UTF') || SITE_CHARSET === 'UTF-8'
            ? $text
            : \Bitrix\Main\Text\Encoding::convertEncoding($text, SITE_CHARSET, 'UTF-8');
        return new Snapshot($own + self::PROPERTIES, $legal, (string)Option::get('main', 'server_name'), $utf8);
    }
}
