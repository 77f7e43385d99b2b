/* wire.h - the numbers of DNS: types, classes, codes of answers and options (IANA's registry has them all). */
#ifndef HEDGEROW_DNS_WIRE_H
#define HEDGEROW_DNS_WIRE_H

#define DNS_HEADER_BYTES 12
#define DNS_OPT_BYTES    11 /* without options */

enum dns_type {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_SOA = 6,
    DNS_HINFO = 13,
    DNS_SIG = 24,
    DNS_AAAA = 28,
    DNS_OPT = 41,
    DNS_DS = 43,
    DNS_HTTPS = 65,
    DNS_TKEY = 249,
    DNS_TSIG = 250,
    DNS_IXFR = 251,
    DNS_AXFR = 252,
    DNS_MAILA = 254,
    DNS_ANY = 255
};

enum dns_class { DNS_IN = 1 };

enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
    DNS_NOTAUTH = 9,
    DNS_BADVERS = 16,
    DNS_BADCOOKIE = 23
};

/* In the second 16 bits of a header. */
enum dns_flag { DNS_QR = 0x8000, DNS_AA = 0x0400, DNS_TC = 0x0200, DNS_RD = 0x0100, DNS_CD = 0x0010 };
#define DNS_OPCODE(flags) ((flags) >> 11 & 15)

enum dns_option { DNS_OPTION_SUBNET = 8, DNS_OPTION_COOKIE = 10 };
#define DNS_DO 0x8000 /* in the lower half of OPT's TTL */

#endif
