// A schema as JSON lines: what `braid inspect schema` prints.
#pragma once

#include <string>

#include "cassandra/schema/schema.h"

namespace braid {

// One table as a line without its end:
//   {"id":UUID,"keyspace":…,"table":…,"schema_id":16 hex digits|null,"cdc":…,"counter":…,"view":…,"compact":…,
//    "gc_grace_s":…,"columns":[{"id":0,"name":…,"kind":"partition_key"|"clustering"|"static"|"regular","position":…,
//    "type":CQL,"order":"asc"|"desc","dropped":…,"dropped_at_us":…|null},…],"unreadable":why|null}
// `position` is in key columns only, `order` in clustering columns; where the table is unreadable, what is not known of
// it is null.
std::string TableToJson(const TableInfo& info);

}  // namespace braid
