// The schema files of real clusters: agents that see a node each come to what one process that sees all nodes knows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "capture/memory_schema_journal.h"
#include "capture/schema_registry.h"

namespace braid {
namespace {

namespace fs = std::filesystem;

// A definition in words that do not depend on column ids.
std::set<std::string> Describe(const TableSchema& table) {
  std::set<std::string> lines = {table.FullName() + (table.cdc ? " cdc" : "")};
  for (const Column& column : table.columns) {
    lines.insert(column.name + " " + std::to_string(static_cast<int>(column.kind)) + " " + ToCql(*column.type) +
                 (column.dropped ? " dropped " : " ") +
                 (column.dropped_at.none() ? "" : std::to_string(column.dropped_at.us)));
  }
  return lines;
}

std::unique_ptr<SchemaRegistry> StartAgent(const fs::path& data, uint8_t number, uint32_t of_nodes,
                                           std::vector<SchemaRecord>* records) {
  SchemaWitness witness{.of_nodes = of_nodes};
  witness.host.fill(number);
  auto agent = SchemaRegistry::Open(PosixFileSystem(), std::make_unique<MemorySchemaJournal>(records),
                                    {.data_directories = {data}, .node = witness});
  EXPECT_TRUE(agent.has_value()) << agent.error().message;
  return *std::move(agent);
}

void Check(const fs::path& recording) {
  SCOPED_TRACE(recording);
  std::vector<fs::path> nodes;
  for (const auto& node : fs::directory_iterator(recording / "nodes")) nodes.push_back(node.path() / "data");
  std::sort(nodes.begin(), nodes.end());
  std::vector<std::string> all(nodes.begin(), nodes.end());
  const fs::path log = fs::path(testing::TempDir()) / "braid_agents_corpus_schemas";
  fs::remove(log);
  const auto whole = SchemaRegistry::Open(PosixFileSystem(), {.path = log, .data_directories = all}).value();
  do {
    std::vector<SchemaRecord> records;
    size_t quiet = 0;
    for (int life = 0; life < 2; ++life) {
      std::vector<std::unique_ptr<SchemaRegistry>> agents;
      for (size_t i = 0; i < nodes.size(); ++i) {
        agents.push_back(StartAgent(nodes[i], static_cast<uint8_t>(i), static_cast<uint32_t>(nodes.size()), &records));
      }
      for (const auto& agent : agents) {
        ASSERT_TRUE(agent->Refresh().has_value());
        ASSERT_EQ(agent->CapturedTables().size(), whole->CapturedTables().size());
        EXPECT_GT(agent->CapturedTables().size(), 3u);
        for (const TableSchema* table : whole->CapturedTables()) {
          EXPECT_EQ(Describe(*agent->FindTable(table->table_id)), Describe(*table));
        }
      }
      if (life == 0) quiet = records.size();
    }
    EXPECT_EQ(records.size(), quiet);  // who starts anew has nothing to add
  } while (std::next_permutation(nodes.begin(), nodes.end()));
  fs::remove(log);
}

// Of unpacked recordings; tests/integration/capture_test.py runs it on the corpus.
TEST(AgentsCorpus, DISABLED_AgreeOnTheSchemasOfRecordings) {
  const char* const root = std::getenv("BRAID_RECORDINGS");
  ASSERT_NE(root, nullptr) << "BRAID_RECORDINGS names no directory of unpacked recordings";
  for (const auto& recording : fs::directory_iterator(root)) {
    if (fs::exists(recording.path() / "nodes")) Check(recording.path());
  }
}

}  // namespace
}  // namespace braid
