//! A terminal of its own for a command: what it shows, what is typed on it, and what is left of it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// How long something is waited for that has to come.
const PATIENCE: Duration = Duration::from_mins(1);

/// A command on a terminal.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    master: File,
    reader: JoinHandle<()>,
    said: Arc<Mutex<Vec<u8>>>,
    columns: u16,
}

/// What a command left on its terminal.
#[derive(Debug)]
pub struct Left {
    /// What it ended with, as a shell tells it: 130 for the signal of Ctrl-C.
    pub code: i32,
    /// All bytes that it wrote.
    pub bytes: String,
    /// The screen at the end.
    pub screen: Screen,
    /// The terminal gives lines, and shows what is typed.
    pub plain: bool,
}

impl Terminal {
    /// Starts a command on a terminal with so many columns.
    #[must_use]
    pub fn start(command: &Command, columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        resize(&master, columns);
        let slave = File::options().read(true).write(true).open(path).unwrap();
        // A session of its own with this terminal, so that what is typed becomes a signal.
        let mut started = Command::new("setsid");
        // Whoever started the tests may ignore what is typed here.
        started.args(["--ctty", "env", "--default-signal=INT,QUIT"]);
        started.arg(command.get_program()).args(command.get_args());
        started.current_dir(command.get_current_dir().unwrap());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => started.env(name, value),
                None => started.env_remove(name),
            };
        }
        started.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
        let child = started.spawn().unwrap();
        drop(started);
        let said = Arc::new(Mutex::new(Vec::new()));
        let master = File::from(master);
        let (mut from, to) = (master.try_clone().unwrap(), Arc::clone(&said));
        let reader = std::thread::spawn(move || {
            let mut some = [0; 4096];
            // An error is the end: nobody has the other side open any more.
            while let Ok(number) = from.read(&mut some) {
                to.lock().unwrap().extend_from_slice(&some[..number]);
            }
        });
        Self { child, master, reader, said, columns }
    }

    /// Waits until it has shown this.
    ///
    /// # Panics
    /// It did not.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        let until = Instant::now() + PATIENCE;
        while !self.said().contains(text) {
            if Instant::now() > until {
                let shown = Screen::of(&self.said(), self.columns.into());
                panic!("`{text}` is not there: {}", shown.text());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }

    /// Types this.
    pub fn types(&self, keys: &str) -> &Self {
        (&self.master).write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Gives the terminal another width.
    pub fn resize(&mut self, columns: u16) {
        resize(&self.master.try_clone().unwrap().into(), columns);
        self.columns = self.columns.max(columns);
    }

    /// Waits for its end.
    #[must_use]
    pub fn ends(mut self) -> Left {
        let status = self.child.wait().unwrap();
        let modes = tcgetattr(&self.master).unwrap().local_modes;
        let plain = modes.contains(LocalModes::ICANON | LocalModes::ECHO);
        self.reader.join().unwrap();
        let bytes = String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned();
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
        let screen = Screen::of(&bytes, self.columns.into());
        Left { code: code.unwrap(), bytes, screen, plain }
    }
}

fn resize(master: &OwnedFd, columns: u16) {
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).unwrap();
}

/// What a terminal would show: as much of one as the command may use.
#[derive(Debug)]
pub struct Screen {
    /// Its lines.
    pub lines: Vec<String>,
    /// The cursor can be seen.
    pub cursor: bool,
    /// Sequences that it does not know.
    pub unknown: Vec<String>,
}

impl Screen {
    /// After all of this.
    #[must_use]
    pub fn of(bytes: &str, columns: usize) -> Self {
        let mut screen = Self { lines: Vec::new(), cursor: true, unknown: Vec::new() };
        let (mut line, mut at): (Vec<char>, usize) = (Vec::new(), 0);
        let mut chars = bytes.chars();
        while let Some(c) = chars.next() {
            match c {
                '\r' => at = 0,
                '\n' => screen.lines.push(std::mem::take(&mut line).into_iter().collect()),
                '\u{1b}' => {
                    let known = |c: &char| !c.is_ascii_alphabetic();
                    let mut sequence: String = chars.by_ref().take_while(known).collect();
                    // The letter is gone with the iterator: it is read again from the text.
                    let rest = chars.as_str();
                    let end = bytes.len() - rest.len();
                    sequence.push_str(&bytes[end - 1..end]);
                    match sequence.as_str() {
                        "[K" => line.truncate(at),
                        "[?25l" => screen.cursor = false,
                        "[?25h" => screen.cursor = true,
                        colour if colour.ends_with('m') => {}
                        other => screen.unknown.push(other.to_owned()),
                    }
                }
                _ => {
                    if at == columns {
                        screen.lines.push(std::mem::take(&mut line).into_iter().collect());
                        at = 0;
                    }
                    line.resize(line.len().max(at + 1), ' ');
                    line[at] = c;
                    at += 1;
                }
            }
        }
        screen.lines.push(line.into_iter().collect());
        screen
    }

    /// All of it.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}
