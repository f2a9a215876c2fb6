<?php
namespace Sverka\Shop;

/** Where pushes wait. A push is ['id', 'delivery', 'body', 'created_at', 'attempts']. */
interface Store
{
    public function add(string $delivery, string $body, int $now): void;

    /** @return list<array<string, mixed>> the oldest that are due */
    public function due(int $now, int $limit): array;

    public function done(int $id): void;

    public function later(int $id, int $attempts, int $nextAt, string $error): void;

    public function dead(int $id, string $error): void;
}

/** Sends what waits; what is not taken is tried again for a week, signed anew each time. */
final class Queue
{
    public const BACK_OFF = [60, 300, 900, 3600, 21600];
    public const DAY = 86400;
    public const GIVE_UP_AFTER = 7 * self::DAY;
    public const AT_ONCE = 20;
    /** Refusals that no retry can mend. */
    private const FOR_GOOD = [400, 413, 415, 422];

    /** @param callable(string): void $giveUp is told of each push that is given up */
    public function __construct(
        private Store $store,
        private Transport $transport,
        private Signer $signer,
        private string $url,
        private $giveUp
    ) {
    }

    /** @param array<string, mixed> $push */
    public function put(array $push, int $now): string
    {
        $delivery = Signer::delivery();
        $flags = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR;
        $this->store->add($delivery, json_encode($push, $flags), $now);
        return $delivery;
    }

    /** @return int how many were taken */
    public function run(int $now): int
    {
        $taken = 0;
        foreach ($this->store->due($now, self::AT_ONCE) as $push) {
            $headers = $this->signer->headers($push['delivery'], $now, $push['body']);
            [$status, $wait] = $this->transport->post($this->url, $headers, $push['body']);
            if ($status >= 200 && $status < 300) {
                $this->store->done((int)$push['id']);
                $taken++;
            } elseif (in_array($status, self::FOR_GOOD, true) || $now - $push['created_at'] > self::GIVE_UP_AFTER) {
                $this->store->dead((int)$push['id'], "HTTP $status");
                ($this->giveUp)($push['delivery'] . ": HTTP $status");
            } else {
                $attempts = (int)$push['attempts'] + 1;
                $pause = max($wait, self::BACK_OFF[$attempts - 1] ?? self::DAY);
                $this->store->later((int)$push['id'], $attempts, $now + $pause, "HTTP $status");
            }
        }
        return $taken;
    }
}
