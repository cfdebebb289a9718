// C++ as people write it: exceptions, threads, futures, streams, file systems, regular expressions, containers.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <queue>
#include <random>
#include <regex>
#include <set>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <typeinfo>
#include <unordered_map>
#include <variant>
#include <vector>

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct Shape { virtual ~Shape() = default; virtual double area() const = 0; };
struct Square : Shape { double s; explicit Square(double v) : s(v) {} double area() const override { return s * s; } };
struct Round : Shape { double r; explicit Round(double v) : r(v) {} double area() const override { return 3.14159265 * r * r; } };
struct Noisy { const char *n; explicit Noisy(const char *v) : n(v) {} ~Noisy() { std::cout << "~" << n << ' '; } };
struct Custom : std::runtime_error { int code; Custom(int c) : std::runtime_error("custom"), code(c) {} };

static thread_local int per_thread = 1;
static void thrower(int depth) { Noisy guard(depth ? "outer" : "inner"); if (!depth) throw Custom(7); thrower(depth - 1); }

static void exceptions() {
    try { thrower(1); } catch (const Custom &e) { std::cout << e.what() << ' ' << e.code << '\n'; }
    try { std::vector<int>().at(3); } catch (const std::out_of_range &) { std::cout << "out of range\n"; }
    try { try { throw 1; } catch (int) { std::throw_with_nested(std::logic_error("outer")); } }
    catch (const std::exception &e) { std::cout << e.what(); try { std::rethrow_if_nested(e); } catch (int i) { std::cout << " nested " << i << '\n'; } }
    std::exception_ptr kept; std::thread([&] { try { throw Custom(3); } catch (...) { kept = std::current_exception(); } }).join();
    try { std::rethrow_exception(kept); } catch (const Custom &e) { std::cout << "from a thread " << e.code << '\n'; }
    try { std::ignore = std::stoi("none"); } catch (const std::invalid_argument &) { std::cout << "invalid\n"; }
    std::unique_ptr<Shape> shape = std::make_unique<Square>(3);
    std::cout << (dynamic_cast<Square *>(shape.get()) != nullptr) << (dynamic_cast<Round *>(shape.get()) == nullptr) << ' ' << shape->area() << '\n';
    try { std::ignore = dynamic_cast<Round &>(*shape); } catch (const std::bad_cast &) { std::cout << "bad cast\n"; }
}

static void threads() {
    std::mutex m; std::condition_variable cv; std::queue<int> queue; bool done = false; long sum = 0; std::atomic<int> seen{0};
    std::vector<std::thread> consumers;
    for (int i = 0; i < 4; i++) consumers.emplace_back([&] {
        for (;;) {
            std::unique_lock lock(m); cv.wait(lock, [&] { return done || !queue.empty(); });
            if (queue.empty()) return;
            sum += queue.front(); queue.pop(); seen++; per_thread++;
        }
    });
    for (int i = 1; i <= 1000; i++) { { std::lock_guard lock(m); queue.push(i); } cv.notify_one(); }
    { std::lock_guard lock(m); done = true; } cv.notify_all();
    for (auto &t : consumers) t.join();
    std::cout << "sum " << sum << " seen " << seen << " own " << per_thread << '\n';
    auto square = std::async(std::launch::async, [](int x) { std::this_thread::sleep_for(2ms); return x * x; }, 12);
    auto fails = std::async(std::launch::async, []() -> int { throw std::runtime_error("async"); });
    std::cout << square.get(); try { fails.get(); } catch (const std::exception &e) { std::cout << ' ' << e.what() << '\n'; }
    std::promise<std::string> promise; auto future = promise.get_future(); std::thread([&] { promise.set_value("promised"); }).join(); std::cout << future.get() << '\n';
    std::shared_mutex rw; int shared = 0; std::vector<std::thread> all;
    for (int i = 0; i < 6; i++) all.emplace_back([&, i] { for (int n = 0; n < 50; n++) if (i % 3) { std::shared_lock l(rw); std::ignore = shared; } else { std::unique_lock l(rw); shared++; } });
    for (auto &t : all) t.join();
    std::once_flag flag; int once = 0; for (int i = 0; i < 3; i++) std::call_once(flag, [&] { once++; });
    std::cout << "shared " << shared << " once " << once << '\n';
    auto before = std::chrono::steady_clock::now(); std::this_thread::sleep_for(3ms); std::cout << (std::chrono::steady_clock::now() - before >= 3ms) << '\n';
}

static void files() {
    fs::create_directories("tree/a/b"); std::ofstream("tree/a/one.txt") << "one\ntwo\n"; std::ofstream("tree/two.txt") << std::string(1000, 'x');
    fs::create_symlink("two.txt", "tree/link"); fs::copy("tree/a", "tree/copy", fs::copy_options::recursive);
    std::set<std::string> names; for (auto &e : fs::recursive_directory_iterator("tree")) names.insert(e.path().generic_string() + (e.is_directory() ? "/" : ""));
    for (auto &n : names) std::cout << n << ' ';
    std::cout << '\n' << fs::file_size("tree/two.txt") << ' ' << fs::read_symlink("tree/link") << ' ' << fs::exists("tree/none") << ' ' << fs::equivalent("tree/link", "tree/two.txt") << '\n';
    fs::permissions("tree/two.txt", fs::perms::owner_read); fs::rename("tree/two.txt", "tree/three.txt"); fs::resize_file("tree/a/one.txt", 3);
    std::ifstream in("tree/a/one.txt"); std::string line; std::getline(in, line); std::cout << line << ' ' << in.eof() << '\n';
    std::error_code ec; fs::remove("tree/missing", ec); std::cout << bool(ec) << ' '; fs::file_size("tree/missing", ec); std::cout << (ec == std::errc::no_such_file_or_directory) << '\n';
    try { fs::create_directory("no/such/place"); } catch (const fs::filesystem_error &e) { std::cout << e.path1() << ' ' << e.code().value() << '\n'; }
    std::cout << fs::remove_all("tree") << ' ' << fs::path("/a/b/../c.tar.gz").lexically_normal() << ' ' << fs::path("x/y.z").extension() << '\n';
    std::fstream both("both.bin", std::ios::in | std::ios::out | std::ios::binary | std::ios::trunc);
    for (int i = 0; i < 100; i++) both.write(reinterpret_cast<char *>(&i), sizeof i);
    both.seekg(40 * sizeof(int)); int v; both.read(reinterpret_cast<char *>(&v), sizeof v); std::cout << v << '\n'; both.close(); fs::remove("both.bin");
}

static void library() {
    std::mt19937 engine(42); std::vector<unsigned> numbers(5); std::generate(numbers.begin(), numbers.end(), engine); for (auto n : numbers) std::cout << n << ' ';
    std::regex re(R"((\w+)\s*=\s*(\d+))"); std::smatch match; std::string s = "width = 120"; std::cout << std::regex_search(s, match, re) << match[1] << match[2] << '\n';
    std::unordered_map<std::string, int> words; std::istringstream text("the cat and the dog and the bird"); for (std::string w; text >> w;) words[w]++;
    std::map<int, std::set<std::string>> by_count; for (auto &[w, n] : words) by_count[n].insert(w);
    for (auto &[n, set] : by_count) { std::cout << n << ':'; for (auto &w : set) std::cout << w << ','; } std::cout << '\n';
    std::cout << std::fixed << std::setprecision(3) << 2.0 / 3 << std::setw(8) << std::setfill('*') << 1.5 << std::hex << ' ' << 255 << std::dec << ' ' << std::boolalpha << true << std::defaultfloat << '\n';
    std::variant<int, std::string> v = "text"; std::cout << std::visit([](auto &&x) { std::ostringstream o; o << x; return o.str(); }, v) << ' ' << v.index() << '\n';
    std::optional<int> none; std::cout << none.value_or(5) << ' ' << std::accumulate(numbers.begin(), numbers.end(), 0ull) << '\n';
    std::function<int(int)> fib = [&](int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }; std::cout << fib(20) << '\n';
    std::vector<std::string> many; for (int i = 0; i < 20000; i++) many.push_back(std::to_string(i * 7919 % 20011)); std::sort(many.begin(), many.end()); std::cout << many.front() << ' ' << many.back() << '\n';
}

int main() {
    std::ios::sync_with_stdio(false);
    exceptions(); threads(); files(); library();
    std::cerr << "to stderr\n"; std::cout << "done" << std::endl;
    return 12;
}
