//! The calls of SQLite's C interface that sqlx does not offer: the one file with `unsafe`.
//!
//! Invariants:
//! 1. a handle is used only while sqlx's lock on it is held, or by the connection's own callbacks;
//! 2. no pointer that SQLite gave outlives the call that gave it;
//! 3. what a callback points to lives for ever (it is leaked), so that a connection that is closed
//!    late by sqlx's own thread can't meet a dangling one.
#![expect(unsafe_code, reason = "the C interface of SQLite; each block says why it is sound")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex};

use libsqlite3_sys as ffi;
use sha2::{Digest as _, Sha256};

use crate::engine::{Fence, RowComparison, Touched};
use crate::value::{Row, Value};

/// What SQLite answered instead of OK.
#[derive(Clone, Debug)]
pub(super) struct RawError {
    /// The extended result code.
    pub(super) code: i32,
    /// SQLite's own words.
    pub(super) message: String,
    /// Where in the statement, in bytes, when SQLite knows.
    pub(super) offset: Option<usize>,
}

impl RawError {
    /// A code with SQLite's own words for it.
    fn plain(code: c_int) -> Self {
        // SAFETY: sqlite3_errstr gives a static string for every code.
        let message = unsafe { CStr::from_ptr(ffi::sqlite3_errstr(code)) };
        Self { code, message: message.to_string_lossy().into_owned(), offset: None }
    }
}

/// A handle that is locked; copies of it must not leave the scope of the lock.
#[derive(Clone, Copy)]
pub(super) struct Handle(NonNull<ffi::sqlite3>);

impl Handle {
    /// The handle of a connection that is locked for as long as this is used.
    pub(super) fn new(handle: NonNull<ffi::sqlite3>) -> Self {
        Self(handle)
    }

    fn as_ptr(self) -> *mut ffi::sqlite3 {
        self.0.as_ptr()
    }

    fn error(self) -> RawError {
        // SAFETY: the handle is open (invariant 1); the message is copied at once (invariant 2).
        unsafe {
            let offset = ffi::sqlite3_error_offset(self.as_ptr());
            RawError {
                code: ffi::sqlite3_extended_errcode(self.as_ptr()),
                message: CStr::from_ptr(ffi::sqlite3_errmsg(self.as_ptr()))
                    .to_string_lossy()
                    .into_owned(),
                offset: usize::try_from(offset).ok(),
            }
        }
    }

    /// No transaction is open.
    pub(super) fn autocommit(self) -> bool {
        // SAFETY: the handle is open (invariant 1).
        unsafe { ffi::sqlite3_get_autocommit(self.as_ptr()) != 0 }
    }

    /// The database was opened to be read alone: its file, its folder or its address lets nobody write.
    pub(super) fn is_read_only(self) -> bool {
        // SAFETY: the handle is open (invariant 1); the name is a C text of this program.
        unsafe { ffi::sqlite3_db_readonly(self.as_ptr(), c"main".as_ptr()) == 1 }
    }

    /// Compiles a statement without running it, so that the authorizer sees it.
    pub(super) fn prepare_only(self, sql: &str) -> Result<(), RawError> {
        Statement::prepare(self, sql).map(drop)
    }

    /// Every row of a short answer, without the hops between threads that sqlx makes for each.
    pub(super) fn rows(self, sql: &str) -> Result<Vec<Row>, RawError> {
        let statement = Statement::prepare(self, sql)?;
        let columns: Arc<[String]> =
            (0..statement.columns()).map(|at| statement.name(at)).collect();
        let mut rows = Vec::new();
        while statement.step()? {
            let values = (0..statement.columns()).map(|at| statement.value(at)).collect();
            rows.push(Row::new(Arc::clone(&columns), values));
        }
        Ok(rows)
    }

    /// Lets a restore write rows as they are: no triggers, and shadow tables as any other.
    pub(super) fn restore_mode(self) -> Result<(), RawError> {
        self.configure(ffi::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        self.configure(ffi::SQLITE_DBCONFIG_DEFENSIVE, false)
    }

    /// Takes [`restore_mode`](Self::restore_mode) back.
    pub(super) fn ordinary_mode(self) -> Result<(), RawError> {
        self.configure(ffi::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)
    }

    fn configure(self, option: c_int, on: bool) -> Result<(), RawError> {
        // SAFETY: the options above take an int and a pointer that may be null.
        let rc = unsafe {
            ffi::sqlite3_db_config(self.as_ptr(), option, c_int::from(on), ptr::null_mut::<c_int>())
        };
        if rc == ffi::SQLITE_OK { Ok(()) } else { Err(self.error()) }
    }

    /// Reports every table that a statement writes to, and refuses what `recorder` forbids.
    pub(super) fn record(self, recorder: &'static Recorder) {
        // SAFETY: `recorder` lives for ever (invariant 3), and `authorize` takes it as it is.
        unsafe {
            ffi::sqlite3_set_authorizer(
                self.as_ptr(),
                Some(authorize),
                ptr::from_ref(recorder).cast_mut().cast(),
            );
        }
    }

    /// Takes the authorizer off.
    pub(super) fn stop_recording(self) {
        // SAFETY: the handle is open (invariant 1).
        unsafe { ffi::sqlite3_set_authorizer(self.as_ptr(), None, ptr::null_mut()) };
    }

    /// Copies the whole database to `to` by the online backup API, `batch` pages at a time.
    ///
    /// `tell` hears the pages done and their total, and says whether to go on. The caller holds a
    /// transaction on the source, so that the copy never starts again.
    pub(super) fn backup(
        self,
        to: Self,
        batch: i32,
        mut tell: impl FnMut(u64, u64) -> bool,
    ) -> Result<(), RawError> {
        // SAFETY: both handles are open and locked (invariant 1); the names are NUL-terminated.
        let backup = unsafe {
            ffi::sqlite3_backup_init(to.as_ptr(), c"main".as_ptr(), self.as_ptr(), c"main".as_ptr())
        };
        if backup.is_null() {
            return Err(to.error());
        }
        let mut busy = 0;
        let rc = loop {
            // SAFETY: `backup` came from sqlite3_backup_init and is finished below.
            let (rc, left, total) = unsafe {
                let rc = ffi::sqlite3_backup_step(backup, batch);
                (rc, ffi::sqlite3_backup_remaining(backup), ffi::sqlite3_backup_pagecount(backup))
            };
            let done = u64::try_from(total - left).unwrap_or(0);
            let go_on = tell(done, u64::try_from(total).unwrap_or(0));
            match rc {
                ffi::SQLITE_OK if go_on => busy = 0,
                ffi::SQLITE_OK => break ffi::SQLITE_INTERRUPT,
                ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED if busy < 100 && go_on => {
                    busy += 1;
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                other => break other,
            }
        };
        // SAFETY: as above; the pointer is not used after this.
        let finished = unsafe { ffi::sqlite3_backup_finish(backup) };
        match (rc, finished) {
            (ffi::SQLITE_DONE, ffi::SQLITE_OK) => Ok(()),
            (ffi::SQLITE_INTERRUPT, _) => Err(RawError::plain(ffi::SQLITE_INTERRUPT)),
            (ffi::SQLITE_DONE, code) | (code, _) => Err(RawError::plain(code)),
        }
    }

    /// The bytes of the database's file, through SQLite's own descriptor: closing another one would
    /// drop this process's locks on the file.
    pub(super) fn file(self) -> Result<DatabaseFile, RawError> {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        // SAFETY: this file control gives the address of the file of `main`, which is open for as
        // long as the handle is.
        let rc = unsafe {
            ffi::sqlite3_file_control(
                self.as_ptr(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_FILE_POINTER,
                (&raw mut file).cast(),
            )
        };
        // SAFETY: a file that was not opened has no methods.
        match NonNull::new(file) {
            Some(file) if rc == ffi::SQLITE_OK && !unsafe { file.as_ref() }.pMethods.is_null() => {
                Ok(DatabaseFile(file))
            }
            _ => Err(self.error()),
        }
    }

    /// Compares the rows of two SELECTs in the order in which they come: types and bytes, so that
    /// 1, 1.0 and '1' are three values. The first difference ends it.
    /// `tell` hears from time to time how many rows were the same.
    pub(super) fn compare(
        self,
        ours: &str,
        theirs: &str,
        mut tell: impl FnMut(u64),
    ) -> Result<RowComparison, RawError> {
        let ours = Statement::prepare(self, ours)?;
        let theirs = Statement::prepare(self, theirs)?;
        let mut found = RowComparison::default();
        loop {
            let (left, right) = (ours.step()?, theirs.step()?);
            if !left && !right {
                return Ok(found);
            }
            if !left || !right || !ours.same_row(&theirs) {
                found.differs = true;
                return Ok(found);
            }
            found.same += 1;
            if found.same.is_multiple_of(ROWS_BETWEEN) {
                tell(found.same);
            }
        }
    }
}

impl Handle {
    /// The number of rows of a SELECT, and a sum over all of them in the order in which they come: types
    /// and bytes, as [`compare`](Self::compare) has them.
    pub(super) fn sum(self, sql: &str) -> Result<(u64, u128), RawError> {
        let rows = Statement::prepare(self, sql)?;
        let (mut number, mut sum) = (0, Sha256::new());
        while rows.step()? {
            number += 1;
            (0..rows.columns()).for_each(|column| rows.add_value(column, &mut sum));
        }
        let (mut first, sum) = ([0; 16], sum.finalize());
        first.copy_from_slice(&sum[..16]);
        Ok((number, u128::from_be_bytes(first)))
    }
}

/// So many rows are compared before the next word of it.
const ROWS_BETWEEN: u64 = 1 << 14;

/// The file of a database, used only while its handle is locked.
pub(super) struct DatabaseFile(NonNull<ffi::sqlite3_file>);

impl DatabaseFile {
    /// Its length in bytes.
    pub(super) fn length(&self) -> Result<u64, RawError> {
        let mut length: i64 = 0;
        // SAFETY: the file is open (see `Handle::file`), and so has its methods.
        let rc = unsafe {
            let methods = &*self.0.as_ref().pMethods;
            methods.xFileSize.map(|size| size(self.0.as_ptr(), &raw mut length))
        };
        Self::answer(rc).map(|()| u64::try_from(length).unwrap_or(0))
    }

    /// Fills the buffer from this place; a file that ends before is an error.
    pub(super) fn read(&self, buffer: &mut [u8], at: u64) -> Result<(), RawError> {
        let (Ok(length), Ok(at)) = (c_int::try_from(buffer.len()), i64::try_from(at)) else {
            return Err(RawError::plain(ffi::SQLITE_TOOBIG));
        };
        // SAFETY: as in `length`; the buffer is as long as is said.
        let rc = unsafe {
            let methods = &*self.0.as_ref().pMethods;
            let read = methods.xRead;
            read.map(|read| read(self.0.as_ptr(), buffer.as_mut_ptr().cast(), length, at))
        };
        Self::answer(rc)
    }

    fn answer(rc: Option<c_int>) -> Result<(), RawError> {
        match rc {
            Some(ffi::SQLITE_OK) => Ok(()),
            code => Err(RawError::plain(code.unwrap_or(ffi::SQLITE_MISUSE))),
        }
    }
}

/// A prepared statement, finalized when it is dropped.
struct Statement {
    handle: Handle,
    statement: NonNull<ffi::sqlite3_stmt>,
}

impl Statement {
    fn prepare(handle: Handle, sql: &str) -> Result<Self, RawError> {
        let (Ok(length), mut statement) = (c_int::try_from(sql.len()), ptr::null_mut()) else {
            return Err(RawError {
                code: ffi::SQLITE_TOOBIG,
                message: "the statement is too long".to_owned(),
                offset: None,
            });
        };
        // SAFETY: the text and its length belong together; SQLite copies what it needs.
        let rc = unsafe {
            ffi::sqlite3_prepare_v2(
                handle.as_ptr(),
                sql.as_ptr().cast::<c_char>(),
                length,
                &raw mut statement,
                ptr::null_mut(),
            )
        };
        match NonNull::new(statement) {
            Some(statement) if rc == ffi::SQLITE_OK => Ok(Self { handle, statement }),
            _ if rc == ffi::SQLITE_OK => Err(RawError {
                code: ffi::SQLITE_MISUSE,
                message: "there is no statement".to_owned(),
                offset: None,
            }),
            _ => Err(handle.error()),
        }
    }

    fn step(&self) -> Result<bool, RawError> {
        // SAFETY: the statement is prepared and not yet finalized.
        match unsafe { ffi::sqlite3_step(self.statement.as_ptr()) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            _ => Err(self.handle.error()),
        }
    }

    fn columns(&self) -> c_int {
        // SAFETY: as in `step`.
        unsafe { ffi::sqlite3_column_count(self.statement.as_ptr()) }
    }

    fn name(&self, column: c_int) -> String {
        // SAFETY: as in `step`; the name is copied at once (invariant 2), and null when there is
        // no memory.
        unsafe {
            let name = ffi::sqlite3_column_name(self.statement.as_ptr(), column);
            if name.is_null() {
                String::new()
            } else {
                CStr::from_ptr(name).to_string_lossy().into_owned()
            }
        }
    }

    fn value(&self, column: c_int) -> Value {
        let statement = self.statement.as_ptr();
        // SAFETY: the statement stands on a row and has this column; the accessor is the one of
        // its type, and bytes are copied at once.
        unsafe {
            match ffi::sqlite3_column_type(statement, column) {
                ffi::SQLITE_NULL => Value::Null,
                ffi::SQLITE_INTEGER => Value::Integer(ffi::sqlite3_column_int64(statement, column)),
                ffi::SQLITE_FLOAT => Value::Real(ffi::sqlite3_column_double(statement, column)),
                ffi::SQLITE_TEXT => match std::str::from_utf8(bytes(statement, column)) {
                    Ok(text) => Value::Text(text.to_owned()),
                    Err(_) => Value::Blob(bytes(statement, column).to_vec()),
                },
                _ => Value::Blob(bytes(statement, column).to_vec()),
            }
        }
    }

    /// Adds a value to a sum, with its type and its length, so that no two rows give the same bytes.
    fn add_value(&self, column: c_int, sum: &mut Sha256) {
        let statement = self.statement.as_ptr();
        // SAFETY: as in `same_value`.
        let (kind, number, bytes) = unsafe {
            let kind = ffi::sqlite3_column_type(statement, column);
            match kind {
                ffi::SQLITE_NULL => (kind, 0, &[][..]),
                ffi::SQLITE_INTEGER => {
                    (kind, ffi::sqlite3_column_int64(statement, column), &[][..])
                }
                ffi::SQLITE_FLOAT => {
                    let bits = ffi::sqlite3_column_double(statement, column).to_bits();
                    (kind, bits.cast_signed(), &[][..])
                }
                _ => (kind, 0, bytes(statement, column)),
            }
        };
        sum.update(kind.to_le_bytes());
        sum.update(number.to_le_bytes());
        sum.update(bytes.len().to_le_bytes());
        sum.update(bytes);
    }

    fn same_row(&self, other: &Self) -> bool {
        self.columns() == other.columns()
            && (0..self.columns()).all(|column| self.same_value(other, column))
    }

    fn same_value(&self, other: &Self, column: c_int) -> bool {
        let (a, b) = (self.statement.as_ptr(), other.statement.as_ptr());
        // SAFETY: both statements stand on a row and have this column; sqlite3_column_type comes
        // first, and the accessor is the one of that type, so that nothing is converted.
        unsafe {
            let kind = ffi::sqlite3_column_type(a, column);
            if kind != ffi::sqlite3_column_type(b, column) {
                return false;
            }
            match kind {
                ffi::SQLITE_NULL => true,
                ffi::SQLITE_INTEGER => {
                    ffi::sqlite3_column_int64(a, column) == ffi::sqlite3_column_int64(b, column)
                }
                ffi::SQLITE_FLOAT => {
                    ffi::sqlite3_column_double(a, column).to_bits()
                        == ffi::sqlite3_column_double(b, column).to_bits()
                }
                _ => bytes(a, column) == bytes(b, column),
            }
        }
    }
}

/// The bytes of a text or a blob.
///
/// # Safety
/// The statement stands on a row and the column is a text or a blob; the bytes are gone with its
/// next step.
unsafe fn bytes<'a>(statement: *mut ffi::sqlite3_stmt, column: c_int) -> &'a [u8] {
    // SAFETY: by the contract above; SQLite gives a null pointer for an empty blob.
    unsafe {
        let at = ffi::sqlite3_column_blob(statement, column).cast::<u8>();
        let length = usize::try_from(ffi::sqlite3_column_bytes(statement, column)).unwrap_or(0);
        if at.is_null() { &[] } else { std::slice::from_raw_parts(at, length) }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: it was prepared and is finalized only here.
        unsafe { ffi::sqlite3_finalize(self.statement.as_ptr()) };
    }
}

/// What the authorizer of a connection saw and forbids.
#[derive(Debug, Default)]
pub(super) struct Recorder(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    touched: Touched,
    fenced: bool,
    history: Option<String>,
    denied: Option<&'static str>,
}

impl Recorder {
    /// One that lives for ever, since its connection may be closed late.
    pub(super) fn leaked() -> &'static Self {
        Box::leak(Box::default())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Record) -> T) -> T {
        let mut record = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        work(&mut record)
    }

    /// What was seen since the last call.
    pub(super) fn take(&self) -> Touched {
        self.with(|record| std::mem::take(&mut record.touched))
    }

    /// Puts back what was taken too early.
    pub(super) fn put(&self, touched: &Touched) {
        self.with(|record| record.touched.extend(touched));
    }

    /// What was forbidden since the last call.
    pub(super) fn take_denied(&self) -> Option<&'static str> {
        self.with(|record| record.denied.take())
    }

    /// Forbids what belongs to the guard alone.
    pub(super) fn fence(&self, fence: Fence<'_>) {
        self.with(|record| {
            record.fenced = matches!(fence, Fence::Transaction(_));
            record.history = match fence {
                Fence::Open => None,
                Fence::Allowed(table) | Fence::History(table) | Fence::Transaction(table) => {
                    Some(table.to_owned())
                }
            };
        });
    }
}

const TRANSACTION: &str = "begins or ends a transaction, which is the guard's to do";
const HISTORY: &str = "writes to the history table, which is the guard's alone";
const SCHEMA: &str = "writes to the catalogue itself, which can't be put back";
const ATTACH: &str = "attaches or detaches a database, which the snapshot does not cover";

unsafe extern "C" fn authorize(
    recorder: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    database: *const c_char,
    _trigger: *const c_char,
) -> c_int {
    // SAFETY: `record` installed this with a recorder that lives for ever (invariant 3).
    let recorder = unsafe { &*recorder.cast_const().cast::<Recorder>() };
    // SAFETY: SQLite gives NUL-terminated texts or null; they are copied at once (invariant 2).
    let text = |at: *const c_char| unsafe {
        if at.is_null() { String::new() } else { CStr::from_ptr(at).to_string_lossy().into_owned() }
    };
    recorder.with(|record| {
        let denied = match action {
            ffi::SQLITE_TRANSACTION if record.fenced => Some(TRANSACTION),
            // VACUUM attaches a temporary database, whose file has no name.
            ffi::SQLITE_ATTACH if record.fenced && !text(first).is_empty() => Some(ATTACH),
            ffi::SQLITE_DETACH if record.fenced => Some(ATTACH),
            ffi::SQLITE_PRAGMA
                if record.history.is_some()
                    && text(first).eq_ignore_ascii_case("writable_schema") =>
            {
                Some(SCHEMA)
            }
            // VACUUM copies every table into a database of its own.
            _ if action == ffi::SQLITE_ALTER_TABLE || text(database) == "main" => {
                let (first, second) = (text(first), text(second));
                let written = written_by(action, &first, &second);
                let history = record.history.as_deref().zip(written);
                history
                    .filter(|(history, table)| table.eq_ignore_ascii_case(history))
                    .map(|_| HISTORY)
            }
            _ => None,
        };
        if denied.is_some() {
            record.denied = denied;
            return ffi::SQLITE_DENY;
        }
        match action {
            ffi::SQLITE_INSERT
            | ffi::SQLITE_UPDATE
            | ffi::SQLITE_DELETE
            | ffi::SQLITE_CREATE_TABLE
            | ffi::SQLITE_DROP_TABLE
            | ffi::SQLITE_CREATE_VIEW
            | ffi::SQLITE_DROP_VIEW
            | ffi::SQLITE_CREATE_VTABLE
            | ffi::SQLITE_DROP_VTABLE => {
                note(&mut record.touched, &text(first), &text(database));
            }
            ffi::SQLITE_ALTER_TABLE => {
                record.touched.definitions = true;
                note(&mut record.touched, &text(second), &text(first));
            }
            ffi::SQLITE_CREATE_INDEX
            | ffi::SQLITE_DROP_INDEX
            | ffi::SQLITE_CREATE_TRIGGER
            | ffi::SQLITE_DROP_TRIGGER => {
                note(&mut record.touched, &text(second), &text(database));
            }
            _ => {}
        }
        ffi::SQLITE_OK
    })
}

/// The table whose rows or definition an action changes.
fn written_by<'a>(action: c_int, first: &'a str, second: &'a str) -> Option<&'a str> {
    match action {
        ffi::SQLITE_INSERT
        | ffi::SQLITE_UPDATE
        | ffi::SQLITE_DELETE
        | ffi::SQLITE_CREATE_TABLE
        | ffi::SQLITE_DROP_TABLE => Some(first),
        ffi::SQLITE_ALTER_TABLE
        | ffi::SQLITE_CREATE_INDEX
        | ffi::SQLITE_DROP_INDEX
        | ffi::SQLITE_CREATE_TRIGGER
        | ffi::SQLITE_DROP_TRIGGER => Some(second),
        _ => None,
    }
}

fn note(touched: &mut Touched, table: &str, database: &str) {
    match (database, table) {
        // Every definition is written to the catalogue; what it is of is heard of by its own action.
        ("temp", _) | (_, "sqlite_master" | "sqlite_schema") => {}
        ("main" | "", _) => {
            touched.tables.insert(table.to_owned());
        }
        _ => {
            touched.unknown = true;
            touched.rewritten |= database.starts_with("vacuum");
        }
    }
}

/// Whether a text can be given to SQLite: it has no NUL in it.
pub(super) fn is_c_text(text: &str) -> bool {
    CString::new(text).is_ok()
}
