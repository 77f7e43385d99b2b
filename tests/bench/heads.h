/* heads.h - heads as they come: what browsers, load testers and origins send. */
#ifndef HEDGEROW_BENCH_HEADS_H
#define HEDGEROW_BENCH_HEADS_H

#define CHROME_AGENT \
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36\r\n"

static const char *const browser_heads[] = {
    /* Chrome, an image */
    "GET /assets/images/2024/hero-large.webp?v=3f9a1c&w=1600 HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "Connection: keep-alive\r\n"
    "sec-ch-ua: \"Chromium\";v=\"124\", \"Google Chrome\";v=\"124\", \"Not-A.Brand\";v=\"99\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n" CHROME_AGENT
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: no-cors\r\n"
    "Sec-Fetch-Dest: image\r\n"
    "Referer: https://www.example.com/products/overview\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n",
    /* Chrome, a page */
    "GET /products/overview HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\n"
    "sec-ch-ua: \"Chromium\";v=\"124\", \"Google Chrome\";v=\"124\", \"Not-A.Brand\";v=\"99\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "Upgrade-Insecure-Requests: 1\r\n" CHROME_AGENT
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7\r\n"
    "Sec-Fetch-Site: none\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-User: ?1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n"
    "Cookie: _ga=GA1.1.1234567890.1700000000; _gid=GA1.2.987654321.1700000000; session=0123456789abcdef0123456789abcdef; "
    "consent=eyJhbmFseXRpY3MiOnRydWUsImFkcyI6ZmFsc2V9; theme=dark; cart=b3f1c2d4-5e6f-4a7b-8c9d-0e1f2a3b4c5d\r\n\r\n",
    /* Firefox, a style sheet, asked again */
    "GET /static/css/main.8f3c2e1a.css HTTP/1.1\r\n"
    "Host: cdn.example.com\r\n"
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0\r\n"
    "Accept: text/css,*/*;q=0.1\r\n"
    "Accept-Language: de,en-US;q=0.7,en;q=0.3\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\n"
    "Referer: https://www.example.com/\r\n"
    "Sec-Fetch-Dest: style\r\n"
    "Sec-Fetch-Mode: no-cors\r\n"
    "Sec-Fetch-Site: same-site\r\n"
    "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
    "If-None-Match: \"5f3c2e1a-1b2c3\"\r\n"
    "Priority: u=2\r\n\r\n",
    /* Safari on a telephone, a part of a video */
    "GET /media/trailer-720p.mp4 HTTP/1.1\r\n"
    "Host: video.example.com\r\n"
    "X-Playback-Session-Id: 6C2B0A3E-8A0B-4C5E-9B0B-2F0B6E1E7D11\r\n"
    "Range: bytes=1048576-2097151\r\n"
    "Accept: */*\r\n"
    "User-Agent: AppleCoreMedia/1.0.0.21E236 (iPhone; U; CPU OS 17_4_1 like Mac OS X; en_us)\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Accept-Encoding: identity\r\n"
    "Referer: https://www.example.com/watch/trailer\r\n"
    "Connection: keep-alive\r\n\r\n",
};
#define BROWSER_HEADS (sizeof(browser_heads) / sizeof(browser_heads[0]))

static const char *const tester_heads[] = {
    "GET /k/12345 HTTP/1.1\r\nHost: localhost:8081\r\n\r\n",
    "GET /k/12345 HTTP/1.1\r\nHost: 127.0.0.1:8081\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
};
#define TESTER_HEADS (sizeof(tester_heads) / sizeof(tester_heads[0]))

static const char *const answer_heads[] = {
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: image/webp\r\n"
    "Content-Length: 65536\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: keep-alive\r\n"
    "ETag: \"5f3c2e1a-1b2c3\"\r\nCache-Control: public, max-age=31536000, immutable\r\nAccept-Ranges: bytes\r\n"
    "Access-Control-Allow-Origin: *\r\nStrict-Transport-Security: max-age=63072000; includeSubDomains; preload\r\n\r\n",
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: Apache/2.4.57 (Debian)\r\n"
    "Cache-Control: private, no-cache\r\nVary: Accept-Encoding, Cookie\r\nContent-Encoding: gzip\r\n"
    "Set-Cookie: session=0123456789abcdef0123456789abcdef; Path=/; HttpOnly; Secure; SameSite=Lax\r\n"
    "Transfer-Encoding: chunked\r\nContent-Type: text/html; charset=utf-8\r\n\r\n",
};
#define ANSWER_HEADS (sizeof(answer_heads) / sizeof(answer_heads[0]))

#endif
