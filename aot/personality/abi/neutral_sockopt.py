"""Neutral socket options."""

from __future__ import annotations

from enum import IntEnum


class SockOpt(IntEnum):
    """Socket options; the value of each is a tuple of integers, mostly one."""

    DEBUG = 1
    REUSEADDR = 2
    TYPE = 3
    ERROR = 4
    DONTROUTE = 5
    BROADCAST = 6
    SNDBUF = 7
    RCVBUF = 8
    KEEPALIVE = 9
    OOBINLINE = 10
    PRIORITY = 11
    LINGER = 12  # (on, seconds)
    REUSEPORT = 13
    PASSCRED = 14
    PEERCRED = 15  # (pid, uid, gid)
    RCVLOWAT = 16
    SNDLOWAT = 17
    RCVTIMEO = 18  # (nanoseconds), 0: none
    SNDTIMEO = 19
    ACCEPTCONN = 20
    PROTOCOL = 21
    DOMAIN = 22
    MARK = 23
    INCOMING_CPU = 24
    PEEK_OFF = 25
    TIMESTAMP = 26
    PASSSEC = 27
    ZEROCOPY = 28
    TCP_NODELAY = 40
    TCP_MAXSEG = 41
    TCP_CORK = 42
    TCP_KEEPIDLE = 43
    TCP_KEEPINTVL = 44
    TCP_KEEPCNT = 45
    TCP_SYNCNT = 46
    TCP_LINGER2 = 47
    TCP_DEFER_ACCEPT = 48
    TCP_WINDOW_CLAMP = 49
    TCP_QUICKACK = 50
    TCP_USER_TIMEOUT = 51
    TCP_FASTOPEN = 52
    TCP_FASTOPEN_CONNECT = 53
    TCP_NOTSENT_LOWAT = 54
    TCP_INFO = 55  # (state, ...): what a personality shows of it
    IP_TOS = 70
    IP_TTL = 71
    IP_MTU_DISCOVER = 72
    IP_RECVERR = 73
    IP_RECVTTL = 74
    IP_RECVTOS = 75
    IP_PKTINFO = 76
    IP_MULTICAST_TTL = 77
    IP_MULTICAST_LOOP = 78
    IP_MULTICAST_IF = 79
    IP_BIND_ADDRESS_NO_PORT = 80
    IP_FREEBIND = 81
    IP_TRANSPARENT = 82
    IP_MTU = 83
    IP_HDRINCL = 84
    IP_ADD_MEMBERSHIP = 85
    IPV6_V6ONLY = 100
    IPV6_UNICAST_HOPS = 101
    IPV6_MULTICAST_HOPS = 102
    IPV6_MULTICAST_LOOP = 103
    IPV6_MULTICAST_IF = 104
    IPV6_RECVPKTINFO = 105
    IPV6_TCLASS = 106
    IPV6_RECVTCLASS = 107
    IPV6_RECVHOPLIMIT = 108
    IPV6_RECVERR = 109
    IPV6_MTU_DISCOVER = 110
    IPV6_DONTFRAG = 111
    IPV6_MTU = 112
    UDP_CORK = 130
    UDP_SEGMENT = 131
    UDP_GRO = 132
    UDPLITE_SEND = 133
    UDPLITE_RECEIVE = 134
