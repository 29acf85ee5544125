// How a record says which form it has, and how a decoder refuses one that it cannot read.
//
// A small record begins with one version byte; a container (a Commit, a file) with four bytes of magic and then the
// version byte. A program reads the newest version that it knows and the one before; it refuses a newer one by name
// (kUnsupported), so that nobody takes data of a later Braid for damage.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/result.h"

namespace braid {

// Reads the version byte of a record that messages call `what` ("row state"). Errors: kUnsupported if it is newer than
// `newest`, kCorrupt if there is none or it was never written.
Status ReadVersion(Cursor* from, uint8_t newest, const char* what);

// Reads `magic` and the version byte after it. Errors: as ReadVersion; kCorrupt if the magic is another.
Status ReadMagic(Cursor* from, ByteView magic, uint8_t newest, const char* what);

// What a failed cursor says of a `what`: kCorrupt, with the offset in the record and the reason.
Error CorruptRecord(const Cursor& cursor, const char* what);

// kCorrupt unless the cursor took every byte of the record and none too many.
Status FinishRecord(Cursor* cursor, const char* what);

}  // namespace braid
