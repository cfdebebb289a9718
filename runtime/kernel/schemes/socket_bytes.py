"""What goes through connected sockets: streams of bytes, urgent bytes, streams of whole messages."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_socket import Family, Msg, SocketKind
from runtime.kernel.net import Net
from runtime.kernel.node import total
from runtime.kernel.parcels import Chunk, Outgoing, Received, gather, store
from runtime.kernel.schemes.socket import WOULD_WAIT, Socket

if TYPE_CHECKING:
    from runtime.kernel.files import FileTable

TCP = 6
JOINED = 1 << 16
"""Bytes up to which plain data is appended to what lies in a queue."""
PEEK, TRUNC = int(Msg.PEEK), int(Msg.TRUNC)


class State(Enum):
    """Where a connection is."""

    NEW = "new"
    LISTENING = "listening"
    CONNECTING = "connecting"
    CONNECTED = "connected"


class ByteSocket(Socket):
    """A socket with a peer. `whole`: it carries messages (SEQPACKET)."""

    stream = True
    urgent_bytes = True

    def __init__(self, table: FileTable, net: Net, family: Family, kind: SocketKind, flags: Open) -> None:
        super().__init__(table, net, family, kind, flags)
        self.whole = kind is SocketKind.SEQPACKET
        self.tcp = self.internet
        self.protocol = TCP if self.tcp else 0
        self.state = State.NEW
        self.peer: ByteSocket | None = None
        self.reset = False
        self.oob: int | None = None
        self.oob_at: int | None = None  # bytes in the queue before the urgent one
        self.full = False  # a send found no room: tell when there is some

    def room_in(self, peer: ByteSocket) -> int:
        return (self.sndbuf + peer.rcvbuf if self.tcp else self.sndbuf) - peer.used

    def push(self, buf: Buffers, start: int, out: Outgoing) -> int:
        if self.tcp:
            self.fail_pending()
        if self.write_shut:
            raise Errno(E.PIPE)
        if self.state is not State.CONNECTED:
            if self.tcp and self.state is State.CONNECTING:
                return WOULD_WAIT
            raise Errno(E.PIPE if self.tcp else E.NOTCONN)
        if out.name is not None and not self.tcp:
            raise Errno(E.ISCONN)
        peer = self.peer
        if peer is None:
            return self._push_nowhere(total(buf) - start)
        if peer.read_shut and not self.tcp:
            raise Errno(E.PIPE)
        size = total(buf) - start
        if self.whole:
            return self._push_whole(peer, buf, size, out)
        if not size:
            return 0
        room = self.room_in(peer)
        if room <= 0:
            self.full = True
            return WOULD_WAIT
        count = min(room, size)
        if out.oob and self.tcp and count == size:
            self._urgent(peer, buf, start, count, out)
        elif peer.read_shut:
            return count
        else:
            self._append(peer, buf, start, count, out)
        return count

    def _push_nowhere(self, size: int) -> int:
        """The other end is closed. Over the network the first bytes still leave, and come back as a reset."""
        if not self.tcp:
            raise Errno(E.PIPE)
        if self.reset:
            raise Errno(E.PIPE)
        self.reset = True
        self.error = E.PIPE
        self.changed()
        return size

    def _push_whole(self, peer: ByteSocket, buf: Buffers, size: int, out: Outgoing) -> int:
        if size > self.sndbuf - 32:
            raise Errno(E.MSGSIZE)
        if (peer.used and self.room_in(peer) < size) or len(peer.queue) >= 4096:
            self.full = True
            return WOULD_WAIT
        peer.enqueue(self._chunk(peer, gather(buf, 0, size), out))
        return size

    def _append(self, peer: ByteSocket, buf: Buffers, start: int, count: int, out: Outgoing) -> None:
        plain = not out.files and out.sender is None
        last = peer.queue[-1] if peer.queue else None
        if (
            plain
            and last is not None
            and last.parcel is None
            and last.sender is None
            and len(last.data) < JOINED
        ):
            last.data += gather(buf, start, count)
            peer.used += count
            peer.changed()
        else:
            peer.enqueue(self._chunk(peer, gather(buf, start, count), out))

    def _chunk(self, peer: ByteSocket, data: bytearray, out: Outgoing) -> Chunk:
        parcel = self.net.hold(self.table, out.files) if out.files else None
        return Chunk(data, parcel, out.sender, eor=out.eor)

    def _urgent(self, peer: ByteSocket, buf: Buffers, start: int, count: int, out: Outgoing) -> None:
        data = gather(buf, start, count)
        if count > 1:
            peer.enqueue(Chunk(data[:-1]))
        peer.oob, peer.oob_at = data[-1], peer.used
        peer.changed()

    def pull(self, buf: Buffers, start: int, flags: int) -> Received | None:
        if self.state in (State.NEW, State.LISTENING):
            if self.tcp and self.state is State.NEW:
                self.fail_pending()
            raise Errno(E.NOTCONN if self.tcp or self.whole else E.INVAL)
        if not self.queue:
            return self._pull_nothing(flags)
        return self._pull_whole(buf, flags) if self.whole else self._pull_bytes(buf, start, flags)

    def _pull_nothing(self, flags: int) -> Received | None:
        self.fail_pending()
        if self.read_shut or (self.peer is None and self.state is State.CONNECTED):
            return Received(0, 0, more=False)
        return None

    def _pull_bytes(self, buf: Buffers, start: int, flags: int) -> Received:
        """Bytes up to the end of the queue or of the first message with files."""
        room = total(buf) - start
        if self.oob_at:
            room = min(room, self.oob_at)
        first = self.queue[0]
        got = Received(0, 0, sender=first.sender)
        for chunk in list(self.queue):
            if chunk is not first and (got.count >= room or chunk.sender != first.sender):
                break
            part = chunk.data if len(chunk.data) <= room - got.count else chunk.data[: room - got.count]
            if not (flags & TRUNC and self.tcp):
                store(buf, start + got.count, part)
            got.count += len(part)
            if not flags & PEEK:
                self._consume(chunk, len(part))
            if chunk.parcel is not None:
                got.parcel, got.more = chunk.parcel, False
                if not flags & PEEK:
                    chunk.parcel = None
                break
        if flags & PEEK:
            got.more = False
        got.size = got.count
        return got

    def _consume(self, chunk: Chunk, count: int) -> None:
        self.used -= count
        if self.oob_at is not None:
            self.oob_at = self.oob_at - count if self.oob_at >= count else None
        if count == len(chunk.data):
            self.queue.popleft()
        else:
            del chunk.data[:count]
        peer = self.peer
        if peer is not None and peer.full and peer.writable():
            peer.full = False
            peer.changed()

    def _pull_whole(self, buf: Buffers, flags: int) -> Received:
        chunk = self.queue[0]
        count = store(buf, 0, chunk.data)
        size = len(chunk.data)
        state = Msg.TRUNC if count < size else Msg(0)
        got = Received(count, size, flags=state | Msg.EOR if chunk.eor else state, parcel=chunk.parcel)
        got.sender, got.more = chunk.sender, False
        if not flags & PEEK:
            self._consume(chunk, size)
        return got

    def outgoing(self) -> int:
        if self.tcp and self.state is State.LISTENING:
            raise Errno(E.INVAL)
        return 0 if self.tcp or self.peer is None else self.peer.used

    def wants_senders(self) -> bool:
        return not self.tcp and (self.passcred or (self.peer is not None and self.peer.passcred))

    def urgent(self, buf: Buffers, flags: int) -> Received:
        """The urgent byte. Raises INVAL when there is none."""
        if not self.tcp:
            raise Errno(E.OPNOTSUPP)
        if self.oob is None:
            raise Errno(E.INVAL)
        data = bytes((self.oob,))
        if not flags & PEEK:
            self.oob = None
        return Received(store(buf, 0, data), 1, flags=Msg.OOB, more=False)

    def at_mark(self) -> bool:
        """Whether the next byte to read is where an urgent one was."""
        return self.oob_at == 0
