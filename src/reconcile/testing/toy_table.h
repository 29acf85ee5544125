// Tables, keys and values as a person writes them in a test: enough of CQL's types to show every rule.
//
//   titles (id int key, n int clustering, name text static, title text, tags set<text>, tagline text dropped@50)
//
// Types: int, bigint, text, counter; list, set and map of those; udt<type,…>; frozen<…> of each. `dropped@T` is a
// column that is gone, `since@T` one that was dropped at T and added again. Mistakes in the text end the program: it is
// a test's.
#pragma once

#include <string>
#include <string_view>

#include "model/schema.h"

namespace braid::testing {

// From the text after the word `table`. Tables of one name have one table id.
TableSchemaPtr ParseTable(std::string_view text);

TypePtr ParseType(std::string_view text);

// A simple value's bytes and back. Text that `type` cannot hold ends the program.
std::string ValueBytes(const Type& type, std::string_view text);
// Also of frozen collections and UDTs: [a, b], {a, b}, {k: v}, (1, null).
std::string ValueText(const Type& type, ByteView bytes);

// The byte-comparable key of a row with these clustering values, and its values as RowUpdate::clustering has them.
std::string RowKey(const TableSchema& schema, const std::vector<std::string>& values);
std::string Clustering(const TableSchema& schema, const std::vector<std::string>& values);
// The cut just before all rows that begin with `values`, or just after them.
std::string CutBefore(const TableSchema& schema, const std::vector<std::string>& values);
std::string CutAfter(const TableSchema& schema, const std::vector<std::string>& values);
// "7/1" of the bytes of a partition key and a clustering.
std::string KeyText(const TableSchema& schema, ByteView partition_key, ByteView clustering);

// Splits at `separator` where it is not inside brackets; trims the parts; no parts for an empty text.
std::vector<std::string> Split(std::string_view text, char separator);

}  // namespace braid::testing
