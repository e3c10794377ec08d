//! What Node calls a failure of Windows. Node takes its numbers from libuv, which has one for each kind of failure and
//! groups the system's codes by it.

const E_ACCES: i32 = -4092;
const E_BADF: i32 = -4083;
const E_BUSY: i32 = -4082;
const E_CANCELED: i32 = -4081;
const E_EXIST: i32 = -4075;
const E_FAULT: i32 = -4074;
const E_INVAL: i32 = -4071;
const E_IO: i32 = -4070;
const E_ISDIR: i32 = -4068;
const E_LOOP: i32 = -4067;
const E_MFILE: i32 = -4066;
const E_NAMETOOLONG: i32 = -4064;
const E_NOENT: i32 = -4058;
const E_NOMEM: i32 = -4057;
const E_NOSPC: i32 = -4055;
const E_NOTEMPTY: i32 = -4051;
const E_NOTSUP: i32 = -4049;
const E_PERM: i32 = -4048;
const E_PIPE: i32 = -4047;
const E_ROFS: i32 = -4043;
const E_TIMEDOUT: i32 = -4039;
const E_XDEV: i32 = -4037;
const UNKNOWN: i32 = -4094;

/// Node's number for a code of `GetLastError()`.
pub(super) fn errno(code: i32) -> i32 {
    match code {
        1 => E_ISDIR,
        2 | 3 | 15 | 123 | 126 | 161 | 203 | 267 | 4392 => E_NOENT,
        4 => E_MFILE,
        5 | 1314 => E_PERM,
        6 | 1004 => E_BADF,
        8 | 14 => E_NOMEM,
        13 | 87 | 122 | 1464 => E_INVAL,
        17 => E_XDEV,
        19 => E_ROFS,
        23 | 31 | 110 | 156 | 205 | 1101..=1104 | 1106 | 1111 | 1117 | 1129 | 1165 | 1166 | 1393 => E_IO,
        32 | 33 | 231 => E_BUSY,
        39 | 82 | 112 | 277 | 1100 => E_NOSPC,
        50 => E_NOTSUP,
        80 | 183 => E_EXIST,
        111 => E_FAULT,
        121 => E_TIMEDOUT,
        145 => E_NOTEMPTY,
        206 => E_NAMETOOLONG,
        230 | 232 | 233 => E_PIPE,
        740 | 998 | 1920 => E_ACCES,
        995 => E_CANCELED,
        1921 => E_LOOP,
        _ => UNKNOWN,
    }
}
