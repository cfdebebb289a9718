//! Rust's standard library: threads, channels, locks, files, maps, panics caught, children, time, sockets in pairs.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, OnceLock, RwLock};
use std::thread;
use std::time::{Duration, Instant};

thread_local!(static OWN: std::cell::Cell<u32> = const { std::cell::Cell::new(1) });
static ONCE: OnceLock<String> = OnceLock::new();

fn threads() {
    let (sender, receiver) = mpsc::channel();
    let barrier = Arc::new(Barrier::new(6));
    let total = Arc::new(AtomicU64::new(0));
    let handles: Vec<_> = (0..6u64)
        .map(|id| {
            let (sender, barrier, total) = (sender.clone(), barrier.clone(), total.clone());
            thread::Builder::new().name(format!("worker {id}")).spawn(move || {
                barrier.wait();
                for n in 0..200 {
                    total.fetch_add(n, Ordering::Relaxed);
                }
                OWN.with(|own| own.set(own.get() + id as u32));
                sender.send((id, OWN.with(|own| own.get()), thread::current().name().unwrap().len())).unwrap();
                id * 2
            }).unwrap()
        })
        .collect();
    drop(sender);
    let mut got: Vec<_> = receiver.iter().collect();
    got.sort();
    let sum: u64 = handles.into_iter().map(|h| h.join().unwrap()).sum();
    println!("threads {got:?} {sum} {} {}", total.load(Ordering::SeqCst), OWN.with(|own| own.get()));

    let pair = Arc::new((Mutex::new(0), Condvar::new()));
    let other = pair.clone();
    let waiting = thread::spawn(move || {
        let (lock, changed) = &*other;
        let mut value = lock.lock().unwrap();
        while *value < 3 {
            value = changed.wait(value).unwrap();
        }
        *value
    });
    for _ in 0..3 {
        *pair.0.lock().unwrap() += 1;
        pair.1.notify_all();
        thread::sleep(Duration::from_millis(1));
    }
    println!("condition {}", waiting.join().unwrap());
    let mut data = vec![1u32; 1000];
    thread::scope(|scope| {
        for part in data.chunks_mut(250) {
            scope.spawn(move || part.iter_mut().for_each(|v| *v += 1));
        }
    });
    println!("scoped {} {}", data.iter().sum::<u32>(), ONCE.get_or_init(|| "once".into()));
    let shared = RwLock::new(5);
    *shared.write().unwrap() += 1;
    let failed = thread::spawn(|| if OWN.with(|own| own.get()) == 1 { panic!("expected") }).join();
    println!("lock {} panic {}", shared.read().unwrap(), failed.unwrap_err().downcast_ref::<&str>().unwrap());
    let before = Instant::now();
    let empty = mpsc::channel::<()>();
    println!("timeout {} {}", empty.1.recv_timeout(Duration::from_millis(3)).is_err(), before.elapsed() >= Duration::from_millis(3));
}

fn files() -> io::Result<()> {
    fs::create_dir_all("made/deep")?;
    fs::write("made/one", "first\nsecond\nthird\n")?;
    let mut file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open("made/deep/two")?;
    for n in 0..1000u32 {
        file.write_all(&n.to_le_bytes())?;
    }
    file.seek(SeekFrom::Start(4 * 321))?;
    let mut word = [0; 4];
    file.read_exact(&mut word)?;
    file.set_len(100)?;
    file.sync_all()?;
    println!("read {} length {}", u32::from_le_bytes(word), file.metadata()?.len());
    let lines: Vec<_> = io::BufReader::new(fs::File::open("made/one")?).lines().collect::<Result<_, _>>()?;
    println!("{lines:?}");
    fs::copy("made/one", "made/copy")?;
    fs::rename("made/copy", "made/moved")?;
    std::os::unix::fs::symlink("moved", "made/link")?;
    let mut names: Vec<_> = fs::read_dir("made")?.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    println!("{names:?} {:?} {}", fs::read_link("made/link")?, fs::canonicalize("made/link")?.ends_with("made/moved"));
    println!("{}", fs::File::open("made/none").unwrap_err());
    fs::remove_dir_all("made")
}

fn children() -> io::Result<()> {
    let own = "/proc/self/exe"; // wherever that is: a test may show the guest its working directory alone
    let out = Command::new(own).args(["child", "a b"]).env("GIVEN", "value").output()?;
    println!("{:?} {}", out.status.code(), String::from_utf8_lossy(&out.stdout).trim());
    let mut child = Command::new(own).arg("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    child.stdin.take().unwrap().write_all(b"through a child")?;
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text)?;
    println!("{text} {}", child.wait()?.success());
    let mut child = Command::new(own).arg("sleep").spawn()?;
    child.kill()?;
    println!("{}", child.wait()?);
    println!("{}", Command::new("/no/such/program").spawn().unwrap_err().kind());
    let (mut left, mut right) = UnixStream::pair()?;
    let echo = thread::spawn(move || {
        let mut got = [0; 5];
        right.read_exact(&mut got).unwrap();
        got.reverse();
        right.write_all(&got).unwrap();
    });
    left.write_all(b"olleh")?;
    let mut back = String::new();
    left.read_to_string(&mut back)?;
    echo.join().unwrap();
    println!("{back}");
    Ok(())
}

fn main() -> io::Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("child") => {
            println!("{} {}", args[1], std::env::var("GIVEN").unwrap());
            std::process::exit(5)
        }
        Some("cat") => return io::copy(&mut io::stdin(), &mut io::stdout()).map(|_| ()),
        Some("sleep") => thread::sleep(Duration::from_secs(60)),
        _ => {}
    }
    std::panic::set_hook(Box::new(|_| {}));
    threads();
    files()?;
    children()?;
    let mut words: HashMap<&str, usize> = HashMap::new();
    for word in "a rose is a rose is a rose".split(' ') {
        *words.entry(word).or_default() += 1;
    }
    println!("{:?} {:.3} {:e} {:>6}|{:<4}|{:#x}", words.into_iter().collect::<BTreeMap<_, _>>(), 2.0 / 3.0, 1234.5, "r", "l", 255);
    let caught = std::panic::catch_unwind(|| [1, 2, 3][std::env::args().count() + 5]);
    println!("caught {}", caught.is_err());
    std::process::exit(17)
}
