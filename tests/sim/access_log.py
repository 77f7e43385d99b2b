#!/usr/bin/python3
"""access_log.py FORMAT REQUESTS [OBJECTS [SECONDS [SEED]]] - an access log that was never served, on standard output.

FORMAT: json, cloudfront, combined, vhost or csv. The same arguments give the same bytes. Objects are asked for by
Zipf's law with exponent 0.9; each doubling of a size from 200 B to 100 KB is equally likely; 2,000 viewers; one request in
a hundred is no GET, and as many are answered with 404.
"""
import bisect
import datetime
import itertools
import random
import sys

BEGIN = 1_700_000_000


def main():
    form, n = sys.argv[1], int(sys.argv[2])
    objects, seconds, seed = (int(a) for a in (sys.argv[3:6] + ["1000", "60", "1"][len(sys.argv[3:6]):]))
    r = random.Random(seed)
    sums = list(itertools.accumulate(int(1e12 / (i + 1) ** 0.9) for i in range(objects)))
    sizes = [int(200 * 2 ** (9 * random.Random(seed * 1_000_003 + i).random())) for i in range(objects)]
    out = []
    if form == "cloudfront":
        out.append("#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem "
                   "sc-status time-taken cs-uri-query\n")
    if form == "csv":
        out.append("time,host,uri,bytes,method,status,edge,client,max_age\n")
    for i in range(n):
        us = i * seconds * 1_000_000 // n
        key = bisect.bisect_right(sums, r.randrange(sums[-1]))
        viewer, draw = r.randrange(2000), r.randrange(100)
        method, status, size = "HEAD" if draw == 0 else "GET", 404 if draw == 1 else 200, sizes[key]
        host, uri, client = f"h{key % 3}.example", f"/o/{key}.bin", f"192.0.{viewer // 250}.{viewer % 250}"
        at = datetime.datetime.fromtimestamp(BEGIN + us // 1_000_000, datetime.timezone.utc)
        if form == "json":
            out.append(f'{{"time":"{at:%Y-%m-%dT%H:%M:%S}.{us // 1000 % 1000:03}Z","node":"n{viewer % 20 + 1}",'
                       f'"host":"{host}","method":"{method}","uri":"{uri}","status":{status},"bytes":{size},'
                       f'"result":"hit","request_id":"{i:032x}","duration_us":{r.randrange(100000)}}}\n')
        elif form == "cloudfront":
            out.append(f"{at:%Y-%m-%d}\t{at:%H:%M:%S}\tFRA56-C{viewer % 4}\t{size}\t{client}\t{method}\t{host}\t{uri}\t{status}\t"
                       f"0.002\t-\n")
        elif form == "csv":
            out.append(f"{us // 1_000_000}.{us % 1_000_000:06},{host},{uri},{size},{method},{status},n{viewer % 20 + 1},"
                       f"{client},{'0' if key % 50 == 49 else ''}\n")
        else:
            out.append(f'{host + ":443 " if form == "vhost" else ""}{client} - - [{at:%d/%b/%Y:%H:%M:%S} +0000] '
                       f'"{method} {uri} HTTP/1.1" {status} {size} "-" "curl/8"\n')
        if len(out) > 10000:
            sys.stdout.write("".join(out))
            out.clear()
    sys.stdout.write("".join(out))


if __name__ == "__main__":
    main()
