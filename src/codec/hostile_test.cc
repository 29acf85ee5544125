// Every form, cut at every byte and flipped at every bit: a decoder answers with a value or an error, allocates in
// proportion to the bytes, and a value that it gives can be encoded again. Run under the sanitizers too.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>

#include "codec/change.h"
#include "codec/commit.h"
#include "codec/mutation.h"
#include "codec/row_state.h"
#include "codec/schema.h"
#include "codec/testing/maker.h"

namespace braid {
namespace {

// Gives true if the bytes decoded. Encodes again what did: a reader must not trip over what the decoder let through.
using Decoder = std::function<bool(const std::string&, Arena*)>;

struct Form {
  std::string name;
  std::string bytes;
  Decoder decode;
};

class HostileBytes : public ::testing::TestWithParam<uint64_t> {
 protected:
  HostileBytes() : maker_(GetParam(), &arena_), schema_(std::make_shared<TableSchema>(*maker_.MakeSchema())) {
    auto schema = std::make_shared<TableSchema>(*schema_);
    schema->id = ComputeSchemaId(*schema);
    schema_ = schema;
    schemas_.Add(schema_);
  }

  std::vector<Form> Forms() {
    std::vector<Form> forms;
    const auto add = [&forms](const char* name, auto append, Decoder decode) {
      Form& form = forms.emplace_back(Form{name, "", std::move(decode)});
      append(&form.bytes);
    };
    add(
        "schema", [&](std::string* to) { AppendTableSchema(to, *schema_); },
        [](const std::string& bytes, Arena*) {
          auto decoded = DecodeTableSchema(bytes);
          return decoded.has_value() && ComputeSchemaId(**decoded) == (*decoded)->id;
        });
    add(
        "mutation", [&](std::string* to) { AppendMutation(to, maker_.MakeMutation(*schema_)); },
        [&](const std::string& bytes, Arena* arena) {
          return Again(DecodeMutation(bytes, schemas_, arena), AppendMutation);
        });
    add(
        "transaction",
        [&](std::string* to) {
          AppendTransaction(to, maker_.MakeTransaction({&schema_, 1}));
        },
        [&](const std::string& bytes, Arena* arena) {
          return Again(DecodeTransaction(bytes, schemas_, arena), AppendTransaction);
        });
    add(
        "row state", [&](std::string* to) { AppendRowState(to, maker_.MakeRowState(*schema_)); },
        [&](const std::string& bytes, Arena* arena) {
          return Again(DecodeRowState(bytes, static_cast<uint32_t>(schema_->columns.size()), arena), AppendRowState);
        });
    add(
        "header", [&](std::string* to) { AppendPartitionHeader(to, maker_.MakeHeader()); },
        [](const std::string& bytes, Arena* arena) {
          return Again(DecodePartitionHeader(bytes, arena), AppendPartitionHeader);
        });
    add(
        "change", [&](std::string* to) { AppendChange(to, maker_.MakeChange(*schema_)); },
        [&](const std::string& bytes, Arena* arena) {
          return Again(DecodeChange(bytes, {}, schemas_, arena), AppendChange);
        });
    add(
        "commit", [&](std::string* to) { AppendCommit(to, maker_.MakeCommit()); },
        [](const std::string& bytes, Arena*) { return Again(DecodeCommit(bytes), AppendCommit); });
    return forms;
  }

  // One arena for all: a decoder must not depend on what was in it. The largest thing made for a byte is a cell.
  bool Decodes(const Form& form, const std::string& bytes) {
    Arena arena(256);
    const bool decoded = form.decode(bytes, &arena);
    EXPECT_LE(arena.held_bytes(), 4096 + bytes.size() * 2 * sizeof(Cell)) << form.name;
    return decoded;
  }

  template <typename Value, typename Append>
  static bool Again(const Result<Value>& decoded, Append append) {
    if (!decoded.has_value()) {
      EXPECT_FALSE(decoded.error().message.empty());
      return false;
    }
    std::string bytes;
    append(&bytes, *decoded);
    return true;
  }

  Arena arena_;
  testing::Maker maker_;
  TableSchemaPtr schema_;
  SchemaSet schemas_;
};

TEST_P(HostileBytes, ACutRecordIsAnError) {
  for (const Form& form : Forms()) {
    ASSERT_TRUE(Decodes(form, form.bytes)) << form.name;
    for (size_t size = 0; size < form.bytes.size(); ++size) {
      // A copy of its own, so that a sanitizer sees a read beyond the cut.
      EXPECT_FALSE(Decodes(form, std::string(form.bytes.data(), size))) << form.name << " cut to " << size;
    }
    EXPECT_FALSE(Decodes(form, form.bytes + '\0')) << form.name << " with a byte more";
  }
}

TEST_P(HostileBytes, AFlippedRecordIsAValueOrAnError) {
  for (const Form& form : Forms()) {
    const bool has_checksum = form.name == "commit";
    for (size_t i = 0; i < form.bytes.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string flipped = form.bytes;
        flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
        const bool decoded = Decodes(form, flipped);
        EXPECT_FALSE(has_checksum && decoded) << form.name << " flipped at " << i;
      }
    }
  }
}

TEST_P(HostileBytes, NoiseAfterTheVersionIsAValueOrAnError) {
  std::mt19937_64 random(GetParam());
  for (const Form& form : Forms()) {
    for (int i = 0; i < 300; ++i) {
      std::string noisy = form.bytes;
      // Small numbers get further than large ones.
      const size_t at = 1 + random() % noisy.size();
      for (size_t k = at; k < noisy.size(); ++k) {
        noisy[k] = static_cast<char>(i % 2 == 0 ? random() : random() % 4);
      }
      Decodes(form, noisy);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, HostileBytes, ::testing::Range(uint64_t{1}, uint64_t{25}));

}  // namespace
}  // namespace braid
