/* sock.h - sockets, all of them non-blocking and close-on-exec, under our own address type.
 * On an error functions return -1 with errno set. */
#ifndef HEDGEROW_IO_SOCK_H
#define HEDGEROW_IO_SOCK_H

#include <sys/socket.h>

#include "proto/base/addr.h"

/* sock_listen binds and listens on |addr| (SO_REUSEADDR, TCP_NODELAY, which accepted sockets
 * inherit) and sets its port to the bound one. "[::]" takes IPv4 too. */
int sock_listen(struct mesh_addr *addr);

/* sock_listen_too makes another one beside |first|, which sock_listen made of the same |addr|: the kernel deals the
 * connections out among them (SO_REUSEPORT, which |first| gets only now: no other process may have the address). */
int sock_listen_too(int first, const struct mesh_addr *addr);

/* sock_udp binds a datagram socket and sets the port likewise. */
int sock_udp(struct mesh_addr *addr);

/* sock_bind makes a socket of |type|, SOCK_DGRAM or a listening SOCK_STREAM, and sets the port likewise. |v6_only|: "[::]"
 * takes no IPv4. |first|: another one of the same address beside this (see sock_listen_too), or -1. */
int sock_bind(int type, struct mesh_addr *addr, bool v6_only, int first);

/* sock_tell_destination has the kernel say of each datagram where it was sent to: IP_PKTINFO or, of a socket of IPv6,
 * IPV6_PKTINFO. */
void sock_tell_destination(int fd, const struct mesh_addr *bound);

/* sock_connect begins to connect; sock_connect_error tells, once writable, how it ended (0 or
 * an errno). */
int sock_connect(const struct mesh_addr *addr);
int sock_connect_error(int fd);

/* sock_accept returns a connection and whose it is. */
int sock_accept(int listener, struct mesh_addr *from);

/* sock_send_to sends one datagram from a socket bound to |bound|: true when the kernel took it. */
bool sock_send_to(int fd, const struct mesh_addr *bound, const struct mesh_addr *to, struct slice bytes);

/* sock_recv_from returns the datagram's length, or -1. */
ssize_t sock_recv_from(int fd, void *data, size_t cap, struct mesh_addr *from);

/* sock_addr_of reads what the kernel or getaddrinfo gave; false: neither IPv4 nor IPv6. */
bool sock_addr_of(const struct sockaddr *sa, struct mesh_addr *out);

/* sock_own_addrs writes up to |max| addresses under which other machines may reach a socket
 * bound to |bound|, with its port: its own, or, where that is "any", those of the interfaces,
 * loopback never. Returns how many. */
size_t sock_own_addrs(const struct mesh_addr *bound, struct mesh_addr *out, size_t max);

/* sock_notice_death lets the connection end when its peer's host has been gone for about
 * |seconds|, busy or idle: without that it would stay for hours. */
void sock_notice_death(int fd, int seconds);

/* sock_unsent is how many bytes the kernel holds for the other side, which has not confirmed them. */
size_t sock_unsent(int fd);

/* sock_reset lets close() send a reset, so that the other side cannot take what it has for
 * the whole. */
void sock_reset(int fd);

#endif
