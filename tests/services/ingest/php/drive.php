<?php
// Runs the module's own code with a made-up order: reads steps as JSON from stdin, prints what became of each.

foreach (['signer', 'transport', 'queue', 'snapshot'] as $file) {
    require dirname(__DIR__, 4) . "/integrations/bitrix-shop/sverka.shop/lib/$file.php";
}

use Sverka\Shop\{Queue, Signer, Snapshot, Store, Transport};

final class Memory implements Store
{
    public array $rows = [];

    public function add(string $delivery, string $body, int $now): void
    {
        $id = count($this->rows) + 1;
        $this->rows[$id] = ['id' => $id, 'delivery' => $delivery, 'body' => $body, 'created_at' => $now,
            'attempts' => 0, 'next_at' => $now, 'state' => 'waiting', 'error' => ''];
    }

    public function due(int $now, int $limit): array
    {
        $due = array_filter($this->rows, static fn($row) => $row['state'] === 'waiting' && $row['next_at'] <= $now);
        return array_slice(array_values($due), 0, $limit);
    }

    public function done(int $id): void
    {
        $this->rows[$id]['state'] = 'done';
    }

    public function later(int $id, int $attempts, int $nextAt, string $error): void
    {
        $this->rows[$id] = ['attempts' => $attempts, 'next_at' => $nextAt, 'error' => $error] + $this->rows[$id];
    }

    public function dead(int $id, string $error): void
    {
        $this->rows[$id] = ['state' => 'dead', 'error' => $error] + $this->rows[$id];
    }
}

/** Answers as the objects of the site do: getField from the given fields, get… and is… from them too. */
class Thing
{
    public function __construct(protected array $given)
    {
    }

    public function getField(string $name): mixed
    {
        return $this->given[$name] ?? null;
    }

    public function __call(string $name, array $arguments): mixed
    {
        return $this->given[$name] ?? null;
    }
}

final class Properties extends Thing
{
    public function getItemByOrderPropertyCode(string $code): ?Thing
    {
        return isset($this->given[$code]) ? new Thing(['getValue' => $this->given[$code]]) : null;
    }
}

final class NewShipment extends Thing
{
    public function getVatRate(): mixed
    {
        return $this->given['getVatRate'];
    }
}

function order(array $given): Thing
{
    $many = static fn(array $all, string $class): array => array_map(static fn($one) => new $class($one), $all);
    return new Thing([
        'getPropertyCollection' => new Properties($given['properties']),
        'getBasket' => $many($given['basket'], Thing::class),
        'getShipmentCollection' => array_map(
            static fn($one) => array_key_exists('getVatRate', $one) ? new NewShipment($one) : new Thing($one),
            $given['shipments']
        ),
        'getPaymentCollection' => $many($given['payments'], Thing::class),
    ] + $given['order']);
}

$task = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
$store = new Memory();
$given_up = [];
$snapshot = new Snapshot(['inn' => ['UR_INN', 'INN'], 'kpp' => ['KPP'], 'name' => ['COMPANY'], 'email' => ['EMAIL']],
    [3], 'shop.example.ru', static fn(string $text): string => $text);
$queue = new Queue($store, new Transport(), new Signer($task['secret'], '1'), $task['url'],
    static function (string $what) use (&$given_up): void {
        $given_up[] = $what;
    });
foreach ($task['pushes'] as $push) {
    $at = new DateTimeImmutable($push['at']);
    $queue->put(isset($push['order']) ? $snapshot->of(order($push['order']), $push['event'], $at)
        : ($push['raw'] ?? $snapshot->deleted($push['deleted'], 's1', $at)), time());
}
foreach ($task['runs'] as $after) {
    $queue->run(time() + $after);
}
echo json_encode(['rows' => array_values($store->rows), 'given_up' => $given_up,
    'signature' => (new Signer('whsec_test_0123456789abcdef', '1'))->headers(
        '0b8f2c34-7a55-4a3a-9a39-2f1c5f7c1d10', 1773309600,
        '{"event":"order.paid","order":{"account_number":"392","total":"1480.00"}}'
    )['X-Shop-Signature'],
    'percents' => array_map([Snapshot::class, 'percent'], [null, 0, 0.05, 0.2, '0.2200']),
    'numbers' => [Snapshot::number(33.3333, 4), Snapshot::number(980, 4), Snapshot::number(0.5, 4)]]);
