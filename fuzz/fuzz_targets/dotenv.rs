#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mo_migrate_tests::fuzzing::dotenv(data));
