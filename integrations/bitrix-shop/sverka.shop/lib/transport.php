<?php
namespace Sverka\Shop;

/** One POST over PHP's own streams, which every site has. */
final class Transport
{
    private const SECONDS_MAX = 20;

    /**
     * @param array<string, string> $headers
     * @return array{0: int, 1: int} the status (0: no answer) and Retry-After in seconds (0: none)
     */
    public function post(string $url, array $headers, string $body): array
    {
        $lines = [];
        foreach ($headers as $name => $value) {
            $lines[] = "$name: $value";
        }
        $context = stream_context_create(['http' => [
            'method' => 'POST',
            'header' => implode("\r\n", $lines),
            'content' => $body,
            'timeout' => self::SECONDS_MAX,
            'ignore_errors' => true,
            'follow_location' => 0,
        ]]);
        $http_response_header = [];
        $answer = @file_get_contents($url, false, $context);
        if ($answer === false || !preg_match('~^HTTP/\S+ (\d{3})~', $http_response_header[0] ?? '', $found)) {
            return [0, 0];
        }
        $wait = 0;
        foreach ($http_response_header as $line) {
            if (preg_match('~^Retry-After:\s*(\d{1,6})\s*$~i', $line, $given)) {
                $wait = (int)$given[1];
            }
        }
        return [(int)$found[1], $wait];
    }
}
