<?php
namespace Sverka\Shop;

/** An order of the module `sale` as the contract `shop-order/v1` wants it: whole, texts in UTF-8, money as text. */
final class Snapshot
{
    public const SCHEMA = 'shop-order/v1';
    public const VERSION = '1.0.0';

    /**
     * @param array<string, list<string>> $properties codes of order properties by our names: inn, kpp, name, …
     * @param list<int> $legal ids of the payer types that are legal entities
     * @param callable(string): string $utf8 turns a text of the site into UTF-8
     */
    public function __construct(private array $properties, private array $legal, private string $host, private $utf8)
    {
    }

    /** @return array<string, mixed> the whole push; `$order` is a \Bitrix\Sale\Order */
    public function of(object $order, string $event, \DateTimeInterface $at): array
    {
        $payer = $this->payer($order->getPropertyCollection());
        $type = (int)$order->getPersonTypeId();
        $legal = in_array($type, $this->legal, true);
        return $this->head($order->getSiteId(), $event, $at) + ['order' => [
            'id' => (int)$order->getId(),
            'account_number' => $this->text($order->getField('ACCOUNT_NUMBER')),
            'version' => (int)$order->getField('VERSION'),
            'status' => $this->text($order->getField('STATUS_ID')),
            'canceled' => (bool)$order->isCanceled(),
            'currency' => (string)$order->getCurrency(),
            'created_at' => $this->moment($order->getField('DATE_INSERT'), $at),
            'updated_at' => $this->moment($order->getField('DATE_UPDATE'), $at),
            'person_type' => ['id' => $type, 'kind' => $legal ? 'legal' : 'individual'],
            'total' => self::number($order->getPrice(), 2),
            'delivery_total' => self::number($order->getDeliveryPrice(), 2),
            'paid_total' => self::number($order->getSumPaid(), 2),
            'payer' => $payer,
            'items' => $this->items($order->getBasket()),
            'deliveries' => $this->deliveries($order->getShipmentCollection()),
            'payments' => $this->payments($order->getPaymentCollection()),
        ]];
    }

    /** @return array<string, mixed> */
    public function deleted(int $orderId, string $site, \DateTimeInterface $at): array
    {
        return $this->head($site, 'order.deleted', $at) + ['order' => ['id' => $orderId]];
    }

    /** @return array<string, mixed> */
    private function head(string $site, string $event, \DateTimeInterface $at): array
    {
        return [
            'schema' => self::SCHEMA,
            'event' => $event,
            'occurred_at' => $at->format('Y-m-d\TH:i:s.uP'),
            'shop' => ['site_id' => $site, 'host' => $this->host, 'module_version' => self::VERSION],
        ];
    }

    /** @return array<string, string|null> the first property that is filled in stands for each name */
    private function payer(object $collection): array
    {
        $found = [];
        foreach (['inn', 'kpp', 'ogrn', 'name', 'address', 'contact', 'email', 'phone'] as $name) {
            $found[$name] = null;
            foreach ($this->properties[$name] ?? [] as $code) {
                $property = $collection->getItemByOrderPropertyCode($code);
                $value = $property ? $property->getValue() : null;
                $value = trim($this->text(is_array($value) ? reset($value) : $value));
                if ($value !== '') {
                    $found[$name] = $value;
                    break;
                }
            }
        }
        return $found;
    }

    /** @return list<array<string, mixed>> */
    private function items(iterable $basket): array
    {
        $items = [];
        foreach ($basket as $item) {
            $parent = (int)$item->getField('SET_PARENT_ID');
            $items[] = [
                'id' => (int)$item->getId(),
                'product_id' => (int)$item->getProductId(),
                'product_xml_id' => $this->text($item->getField('PRODUCT_XML_ID')),
                'name' => $this->text($item->getField('NAME')),
                'quantity' => self::number($item->getQuantity(), 4),
                'okei' => $this->text($item->getField('MEASURE_CODE')),
                'unit' => $this->text($item->getField('MEASURE_NAME')),
                'price' => self::number($item->getPrice(), 4),
                'vat_rate' => self::percent($item->getField('VAT_RATE')),
                'vat_included' => $item->getField('VAT_INCLUDED') === 'Y',
                'kind' => (int)$item->getField('TYPE') === 2 ? 'service' : 'goods',
                'set_parent' => $parent > 0 && $parent !== (int)$item->getId() ? $parent : null,
            ];
        }
        return $items;
    }

    /** @return list<array<string, mixed>> */
    private function deliveries(iterable $shipments): array
    {
        $deliveries = [];
        foreach ($shipments as $shipment) {
            if ($shipment->isSystem()) {
                continue;
            }
            $delivery = [
                'id' => (int)$shipment->getId(),
                'name' => $this->text($shipment->getField('DELIVERY_NAME')),
                'price' => self::number($shipment->getPrice(), 4),
                'canceled' => (bool)$shipment->isCanceled(),
            ];
            // Older cores do not know the VAT of a delivery: then nothing is said, and the tenant's file decides.
            if (method_exists($shipment, 'getVatRate')) {
                $delivery['vat_rate'] = self::percent($shipment->getVatRate());
            }
            $deliveries[] = $delivery;
        }
        return $deliveries;
    }

    /** @return list<array<string, mixed>> */
    private function payments(iterable $collection): array
    {
        $payments = [];
        foreach ($collection as $payment) {
            $payments[] = [
                'id' => (int)$payment->getId(),
                'pay_system_id' => (int)$payment->getPaymentSystemId(),
                'name' => $this->text($payment->getField('PAY_SYSTEM_NAME')),
                'sum' => self::number($payment->getSum(), 2),
                'paid' => (bool)$payment->isPaid(),
                'is_return' => $payment->getField('IS_RETURN') === 'Y',
            ];
        }
        return $payments;
    }

    public static function number(mixed $value, int $places): string
    {
        $text = number_format((float)$value, $places, '.', '');
        return $places > 2 ? preg_replace('~(\.\d\d\d*?)0+$~', '$1', $text) : $text;
    }

    /** A fraction of the shop as whole percents; null is no VAT. */
    public static function percent(mixed $rate): ?int
    {
        if ($rate === null || $rate === '') {
            return null;
        }
        $percent = round((float)$rate * 100, 4);
        if ($percent != round($percent)) {
            throw new \DomainException("a VAT rate of $percent % cannot be sent");
        }
        return (int)round($percent);
    }

    private function text(mixed $value): string
    {
        return ($this->utf8)((string)$value);
    }

    private function moment(mixed $value, \DateTimeInterface $otherwise): string
    {
        return is_object($value) ? $value->format('Y-m-d\TH:i:sP') : $otherwise->format('Y-m-d\TH:i:sP');
    }
}
