<?php
namespace Sverka\Shop;

/** Signs a request: HMAC-SHA256 over time, delivery id and the body's bytes. */
final class Signer
{
    public function __construct(private string $secret, private string $keyId)
    {
    }

    /** @return array<string, string> the headers of one attempt; a retry has another time and the same delivery */
    public function headers(string $delivery, int $timestamp, string $body): array
    {
        return [
            'Content-Type' => 'application/json; charset=utf-8',
            'X-Shop-Delivery' => $delivery,
            'X-Shop-Timestamp' => (string)$timestamp,
            'X-Shop-Key-Id' => $this->keyId,
            'X-Shop-Signature' => 'v1=' . hash_hmac('sha256', "$timestamp.$delivery." . $body, $this->secret),
        ];
    }

    public static function delivery(): string
    {
        $bytes = random_bytes(16);
        $bytes[6] = chr((ord($bytes[6]) & 0x0f) | 0x40);
        $bytes[8] = chr((ord($bytes[8]) & 0x3f) | 0x80);
        return vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split(bin2hex($bytes), 4));
    }
}
