// The binary form of what a source logged. Layout: docs/formats/mutation.md.
#pragma once

#include <string>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/result.h"
#include "codec/schema.h"
#include "model/mutation.h"

namespace braid {

// Appends one mutation. Its table definition is named by id: `mutation.schema->id` must be set. Left out is what
// AppendRowState leaves out. One mutation has one form.
void AppendMutation(std::string* to, const Mutation& mutation);

// Reads exactly one mutation. Its views are of `bytes`, its spans in `arena`, its schema of `schemas`: it lives as long
// as the shortest-lived of the three. Every column id is one of the schema's.
// Errors: kNotFound if `schemas` does not have the definition (the message names its id), kCorrupt, kUnsupported.
Result<Mutation> DecodeMutation(ByteView bytes, const SchemaLookup& schemas, Arena* arena);

// The id of the definition that an encoded mutation names, without decoding the rest. Errors: as DecodeMutation.
Result<SchemaId> MutationSchemaId(ByteView bytes);

// The same for a transaction. A mutation of the transaction's own position costs no bytes for it.
void AppendTransaction(std::string* to, const Transaction& transaction);
Result<Transaction> DecodeTransaction(ByteView bytes, const SchemaLookup& schemas, Arena* arena);

}  // namespace braid
