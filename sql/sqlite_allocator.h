#pragma once

namespace dashi::sql {

/// Has SQLite allocate through the account of the MemoryScope that holds, before its first use in
/// this process: beyond a limit it finds no memory, and the statement ends with SQLITE_NOMEM. It
/// also stops SQLite's own counting, which takes a lock of the whole process for each allocation.
/// Where the program has used the same copy of SQLite before, it stays as it is and nothing is
/// counted.
///
/// Threads: may be called at once.
void InstallSqliteAllocator();

}  // namespace dashi::sql
