//! Zig's own runtime: threads, its Io with concurrent tasks, files, allocators, hash maps, formatting.
const std = @import("std");

const Shared = struct { mutex: std.Io.Mutex = .init, sum: u64 = 0, io: std.Io };

fn worker(shared: *Shared, id: u64) void {
    var i: u64 = 0;
    while (i < 100) : (i += 1) {
        shared.mutex.lockUncancelable(shared.io);
        defer shared.mutex.unlock(shared.io);
        shared.sum += id;
    }
}

fn square(n: u64) u64 {
    return n * n;
}

pub fn main(init: std.process.Init) !u8 {
    const io = init.io;
    const gpa = init.gpa;
    var buffer: [1024]u8 = undefined;
    var stdout = std.Io.File.stdout().writer(io, &buffer);
    const out = &stdout.interface;

    var shared: Shared = .{ .io = io };
    var threads: [4]std.Thread = undefined;
    for (&threads, 0..) |*thread, i| thread.* = try std.Thread.spawn(.{}, worker, .{ &shared, i + 1 });
    for (threads) |thread| thread.join();
    try out.print("sum {d}\n", .{shared.sum});

    var a = io.async(square, .{7});
    var b = io.async(square, .{9});
    try out.print("tasks {d} {d}\n", .{ a.await(io), b.await(io) });

    var map = std.StringHashMap(u32).init(gpa);
    defer map.deinit();
    for ([_][]const u8{ "one", "two", "three", "two" }) |word| {
        const entry = try map.getOrPutValue(word, 0);
        entry.value_ptr.* += 1;
    }
    try out.print("map {d} {d}\n", .{ map.count(), map.get("two").? });

    const dir = std.Io.Dir.cwd();
    try dir.writeFile(io, .{ .sub_path = "zig.tmp", .data = "written by zig\n" });
    const read = try dir.readFileAlloc(io, "zig.tmp", gpa, .limited(100));
    defer gpa.free(read);
    try out.print("file {s}", .{read});
    try dir.deleteFile(io, "zig.tmp");
    if (dir.openFile(io, "nowhere", .{})) |_| unreachable else |err| try out.print("error {s}\n", .{@errorName(err)});

    var list: std.ArrayList(u64) = .empty;
    defer list.deinit(gpa);
    for (0..50000) |i| try list.append(gpa, (i * 7919) % 50021);
    std.mem.sort(u64, list.items, {}, std.sort.asc(u64));
    try out.print("sorted {d} {d}\n", .{ list.items[0], list.items[49999] });
    var digest: [32]u8 = undefined;
    std.crypto.hash.sha2.Sha256.hash("helctic", &digest, .{});
    try out.print("sha256 {x}\n", .{digest});
    try out.print("float {d:.4} {e} overflow {?d}\n", .{ 3.14159, 12345.678, @as(?u8, null) });
    try out.flush();
    return 21;
}
