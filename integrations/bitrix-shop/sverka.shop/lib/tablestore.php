<?php
namespace Sverka\Shop;

/** Pushes in the site's own database, in the transaction of whatever saved the order. */
final class TableStore implements Store
{
    private const TABLE = 'b_sverka_shop_push';

    /** @param object $connection \Bitrix\Main\DB\Connection */
    public function __construct(private object $connection)
    {
    }

    public function add(string $delivery, string $body, int $now): void
    {
        $this->run("INSERT INTO %s (DELIVERY, BODY, CREATED_AT, ATTEMPTS, NEXT_AT) VALUES ('%s', '%s', %d, 0, %d)",
            $delivery, $body, $now, $now);
    }

    public function due(int $now, int $limit): array
    {
        $rows = $this->connection->query(sprintf(
            "SELECT ID, DELIVERY, BODY, CREATED_AT, ATTEMPTS FROM %s WHERE STATE = 'waiting' AND NEXT_AT <= %d"
            . ' ORDER BY ID LIMIT %d', self::TABLE, $now, $limit
        ));
        $found = [];
        while ($row = $rows->fetch()) {
            $found[] = [
                'id' => (int)$row['ID'], 'delivery' => $row['DELIVERY'], 'body' => $row['BODY'],
                'created_at' => (int)$row['CREATED_AT'], 'attempts' => (int)$row['ATTEMPTS'],
            ];
        }
        return $found;
    }

    public function done(int $id): void
    {
        $this->run('DELETE FROM %s WHERE ID = %d', $id);
    }

    public function later(int $id, int $attempts, int $nextAt, string $error): void
    {
        $this->run("UPDATE %s SET ATTEMPTS = %d, NEXT_AT = %d, LAST_ERROR = '%s' WHERE ID = %d",
            $attempts, $nextAt, $error, $id);
    }

    public function dead(int $id, string $error): void
    {
        $this->run("UPDATE %s SET STATE = 'dead', LAST_ERROR = '%s' WHERE ID = %d", $error, $id);
    }

    private function run(string $sql, int|string ...$values): void
    {
        $helper = $this->connection->getSqlHelper();
        $safe = array_map(static fn($value) => is_int($value) ? $value : $helper->forSql($value), $values);
        $this->connection->queryExecute(vsprintf($sql, [self::TABLE, ...$safe]));
    }
}
