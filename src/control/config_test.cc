#include "control/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <string>

#include "control/config_test_util.h"

namespace braid {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

TEST_F(ConfigTest, TheLeastThereMustBeTakesEveryDefault) {
  const auto config = Read(kLeast);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->name, "movies");
  EXPECT_EQ(config->state, root_ / "state");
  ASSERT_EQ(config->nodes.size(), 2u);
  EXPECT_EQ(config->nodes[0].name, "n1");
  EXPECT_EQ(config->nodes[0].cdc_raw, root_ / "n1/cdc_raw");
  EXPECT_EQ(config->nodes[0].commitlog, root_ / "n1/commitlog");
  EXPECT_THAT(config->nodes[0].data, ElementsAre((root_ / "n1/data").string()));
  const Config defaults;
  EXPECT_EQ(config->memory_bytes, defaults.memory_bytes);
  EXPECT_EQ(config->disk_bytes, defaults.disk_bytes);
  EXPECT_EQ(config->retention_us, defaults.retention_us);
  EXPECT_EQ(config->tail, NodeCapture::Tail::kSynced);
  EXPECT_FALSE(config->publish_quorum);
  EXPECT_THAT(config->streams, IsEmpty());
  EXPECT_EQ(config->http.port, 0);
}

TEST_F(ConfigTest, EveryKeyIsTaken) {
  const auto config = Read(R"(
name: movies
source:
  kind: cassandra
  nodes:
    - {name: n1, cdc_raw: n1/cdc_raw, data: [n1/data, n2/commitlog]}
    - name: n2
      cdc_raw: n2/cdc_raw
      commitlog: n2/commitlog
      data: n2/data
  tail: live
  exclude: [vault.titles.poster, vault.titles.a.b]
  on_corruption: skip
  on_overflow: block
  cdc_total_space: 4GiB
  sync_slack: 20s
  schema_wait: 1m
memory: 128MiB
disk: 1073741824
state: here/../kept/
shards: 7
reorder_window: 250ms
publish_when: quorum
confirm_timeout: 12s
purge_slack: 4h
retention: 3d
streams:
  - {name: public, table: vault.titles, where: "hidden = false", columns: {exclude: [note], mask: {owner: hmac, id: 'truncate:4'}}, hmac_key_file: key}
  - name: all
    tables: [vault.*, 'other.t']
    columns: {include: [a, b], mask: {a: redact}}
http: {listen: '[::1]:8080'}
)");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->nodes[0].commitlog, "");
  EXPECT_EQ(config->nodes[0].data.size(), 2u);
  EXPECT_EQ(config->nodes[1].commitlog, root_ / "n2/commitlog");
  EXPECT_EQ(config->tail, NodeCapture::Tail::kLive);
  EXPECT_EQ(config->on_corruption, NodeCapture::OnCorruption::kSkip);
  EXPECT_EQ(config->on_overflow, NodeCapture::OnOverflow::kBlock);
  EXPECT_EQ(config->cdc_space_bytes, uint64_t{4} << 30);
  EXPECT_EQ(config->sync_slack_us, 20'000'000);
  EXPECT_EQ(config->schema_wait_us, 60'000'000);
  EXPECT_THAT(config->exclude, ElementsAre("vault.titles.poster", "vault.titles.a.b"));
  EXPECT_EQ(config->memory_bytes, uint64_t{128} << 20);
  EXPECT_EQ(config->disk_bytes, uint64_t{1} << 30);
  EXPECT_EQ(config->state, root_ / "kept");
  EXPECT_EQ(config->shards, 7u);
  EXPECT_EQ(config->reorder_window_us, 250'000);
  EXPECT_TRUE(config->publish_quorum);
  EXPECT_EQ(config->confirm_timeout_us, 12'000'000);
  EXPECT_EQ(config->purge_slack_us, int64_t{4} * 3600 * 1'000'000);
  EXPECT_EQ(config->retention_us, int64_t{3} * 86400 * 1'000'000);
  ASSERT_EQ(config->streams.size(), 2u);
  EXPECT_EQ(config->streams[0].where, "hidden = false");
  EXPECT_THAT(config->streams[0].exclude, ElementsAre("note"));
  EXPECT_THAT(config->streams[0].masks, ElementsAre(Pair("id", "truncate:4"), Pair("owner", "hmac")));
  EXPECT_EQ(config->streams[0].hmac_key, kKey);
  EXPECT_THAT(config->streams[1].tables, ElementsAre("vault.*", "other.t"));
  EXPECT_THAT(config->streams[1].include, ElementsAre("a", "b"));
  EXPECT_EQ(config->http.host, "::1");
  EXPECT_EQ(config->http.port, 8080);
}

TEST_F(ConfigTest, AllMistakesComeAtOnceEachWithItsLine) {
  EXPECT_EQ(Mistakes("name: movies\n"
                     "source:\n"
                     "  nodes: [{name: n1, home: n1}]\n"
                     "  tial: live\n"
                     "memory: 1MiB\n"
                     "reorder_windw: 1s\n"
                     "http: {listen: 127.0.0.1:99999}\n"),
            "1: 'state' is missing; name a directory for all that Braid keeps, e.g. state: /var/lib/braid/movies\n"
            "4: unknown key 'tial' in 'source'; did you mean 'tail'?\n" +
                Mistakes(std::string(kLeast) + "memory: 1MiB\n") +
                "\n"
                "6: unknown key 'reorder_windw' at the top level; did you mean 'reorder_window'?\n"
                "7: listen: the port after the colon must be a number from 1 to 65535; for this machine alone write "
                "127.0.0.1:8080 or "
                "[::1]:8080");
}

TEST_F(ConfigTest, EachMistakeAtTheTopNamesItsCure) {
  const Wrong cases[] = {
      {"memory: 63MiB", "5: memory: 63 MiB is out of range; give 64 MiB to "},
      {"memory: 5000TiB", "5: memory: "},
      {"memory: 512MB", "5: memory: '512MB' has no unit that is known; give a size such as 512MiB"},
      {"memory: lots", "5: memory: 'lots' is no number with a unit; give a size"},
      {"memory: 1.5GiB", "5: memory: '1.5GiB' is no whole number; take a smaller unit"},
      {"memory: -1GiB", "5: memory: '-1GiB' is no number"},
      {"memory: 99999999999999999999", "5: memory: '99999999999999999999B' is too large"},
      {"disk: 99999999TiB", "5: disk: '99999999TiB' is too large"},
      {"disk: 1KiB", "5: disk: 1 KiB is out of range"},
      {"disk:", "5: disk: has no value; give one, or leave the key out for its default"},
      {"disk: ''", "5: disk: is empty"},
      {"disk: [1GiB]", "5: disk: must be a single value, not a list"},
      {"disk: {size: 1GiB}", "5: disk: must be a single value, not a group of keys"},
      {"shards: 0", "5: shards: '0' is no whole number from 1 to 256"},
      {"shards: 4x", "5: shards: '4x' is no whole number from 1 to 256"},
      {"reorder_window: 3", "5: reorder_window: '3' has no unit that is known; give a duration such as 30s"},
      {"reorder_window: 2h", "5: reorder_window: 2h is out of range; give 0s to 1h"},
      {"retention: 0", "5: retention: 0s is out of range; give 1s to 36500d"},
      {"publish_when: qourum", "5: publish_when: 'qourum' is not known; did you mean 'quorum'?"},
      {"publish_when: sometimes", "5: publish_when: 'sometimes' is not known; give one of: one, quorum"},
      {"tail: live", "5: the key 'tail' does not belong at the top level; put it into 'source'"},
      {"\"a\\nb\": 1", "5: unknown key 'a?b' at the top level; known are: "},
      {"colour: red", "5: unknown key 'colour' at the top level; known are: name, source, memory, disk, state, "},
      {"name: again", "5: the key 'name' comes twice; keep one"},
      {"http: {listen: 8080}", "5: listen: must be ADDRESS:PORT; for this machine alone write 127.0.0.1:8080"},
      {"http: {listen: ':8080'}", "5: listen: must be ADDRESS:PORT"},
      {"http: {listen: '::1:8080'}", "5: listen: must be ADDRESS:PORT"},
      {"http: {listen: 'localhost:0'}", "5: listen: the port after the colon must be a number from 1 to 65535"},
      {"http: {listen: 'localhost:http'}", "5: listen: the port after the colon must be a number from 1 to 65535"},
      {"http: {}", "5: 'listen' is missing in 'http'; give an address and a port"},
      {"http: yes", "5: 'http' must be a group of keys, not a single value; it takes: listen"},
      {"state: other", "5: the key 'state' comes twice"},
  };
  for (const Wrong& wrong : cases) {
    EXPECT_THAT(Mistakes(std::string(kLeast) + wrong.text + "\n"), StartsWith(wrong.message)) << wrong.text;
  }
}

TEST_F(ConfigTest, EachMistakeOfTheSourceNamesItsCure) {
  const Wrong cases[] = {
      {"{kind: mysql, nodes: [{name: n1, home: n1}]}", "kind: the only kind of source is cassandra"},
      {"{nodes: []}", "nodes: must be a list of 1 to 1000 nodes; list the nodes, e.g. "},
      {"{nodes: n1}", "nodes: must be a list"},
      {"{}", "'nodes' is missing in 'source'; list the nodes"},
      {"{nodes: [n1]}", "'nodes' must be a group of keys, not a single value; it takes: name, home, "},
      {"{nodes: [{home: n1}]}", "'name' is missing in 'nodes'; give the node a name"},
      {"{nodes: [{name: n1}]}", "'home' is missing in 'nodes'; give home: DIR"},
      {"{nodes: [{name: 'n 1', home: n1}]}", "name: a name has letters, digits, _, - and . (not first), 64 at most"},
      {"{nodes: [{name: n1, home: n1, data: n1/data}]}",
       "home: stands for cdc_raw, commitlog and data; give home alone"},
      {"{nodes: [{name: n1, cdc_raw: n1/cdc_raw}]}", "'data' is missing in 'nodes'; give the node's data_file_dir"},
      {"{nodes: [{name: n1, data: n1/data}]}", "'cdc_raw' is missing in 'nodes'"},
      {"{nodes: [{name: n1, cdc_raw: n1/cdc_raw, data: []}]}", "data: names no directory"},
      {"{nodes: [{name: n1, cdc_raw: n1/cdc_raw, data: [[n1]]}]}", "data: each item must be a single value"},
      {"{nodes: [{name: n1, home: n3}]}", "cdc_raw: there is no directory "},
      {"{nodes: [{name: n1, home: ~/n1}]}", "home: ~ and $NAME mean nothing here; write the path out"},
      {"{nodes: [{name: n1, home: n1}, {name: n1, home: n2}]}", "name: line 2 has the same; each node has its own"},
      {"{nodes: [{name: n1, home: n1}, {name: n2, home: n1/}]}", "home: line 2 has the same; each node has its own"},
      {"{nodes: [{name: n1, cdc_raw: key, data: n1/data}]}", "is not a directory; correct the path"},
      {"{nodes: [{name: n1, home: n1}], exclude: [vault.titles]}",
       "exclude: 'vault.titles' is no column; write keyspace"},
      {"{nodes: [{name: n1, home: n1}], exclude: [a.b.c, a.b.c]}", "exclude: a column comes twice; keep one"},
      {"{nodes: [{name: n1, home: n1}], exclude: {a: b}}", "exclude: must be a list, not a group of keys"},
      {"{nodes: [{name: n1, home: n1}], tail: synched}", "tail: 'synched' is not known; did you mean 'synced'?"},
      {"{nodes: [{name: n1, home: n1}], on_overflow: stop}",
       "on_overflow: 'stop' is not known; give one of: drop, block"},
  };
  for (const Wrong& wrong : cases) {
    const std::string text = std::string("name: m\nsource: ") + wrong.text + "\nstate: state\n";
    EXPECT_THAT(Mistakes(text), AllOf(StartsWith("2: "), HasSubstr(wrong.message))) << wrong.text;
  }
  EXPECT_EQ(Mistakes("name: m\nstate: state\npublish_when: quorum\nsource: {nodes: [{name: n1, home: n1}]}\n"),
            "3: publish_when: a quorum needs a second node to confirm a write, and there is one; write one");
}

TEST_F(ConfigTest, EachMistakeOfAStreamNamesItsCure) {
  const Wrong cases[] = {
      {"{table: a.b}", "'name' is missing in 'streams'; name the stream"},
      {"{name: 'a b', table: a.b}", "name: a stream's name has letters, digits"},
      {"{name: s}", "'table' is missing in 'streams'; write table: KEYSPACE.TABLE"},
      {"{name: s, table: a.b, tables: [a.c]}", "'table' and 'tables' are one thing; keep one of them"},
      {"{name: s, table: titles}", "table: 'titles' is no table; write keyspace.table"},
      {"{name: s, tables: []}", "tables: names no table"},
      {"{name: s, table: a.b, wehre: x = 1}", "unknown key 'wehre' in 'streams'; did you mean 'where'?"},
      {"{name: s, table: a.b, exclude: [x]}", "does not belong in 'streams'; put it into "},
      {"{name: s, table: a.b, columns: [x]}", "'columns' must be a group of keys, not a list; it takes: include"},
      {"{name: s, table: a.b, columns: {include: []}}", "include: leaves no column"},
      {"{name: s, table: a.b, columns: {include: [x, x]}}", "include: the column 'x' comes twice"},
      {"{name: s, table: a.b, columns: {include: [x], exclude: [y]}}",
       "exclude: columns are given by include or by exclude, not by both"},
      {"{name: s, table: a.b, columns: {mask: [x]}}", "mask: must be a group COLUMN: MASK"},
      {"{name: s, table: a.b, columns: {mask: {x: truncate}}}",
       "mask: the mask of 'x' is not known; give one of: hmac"},
      {"{name: s, table: a.b, columns: {mask: {x: 'truncate:0'}}}", "mask: the mask of 'x' is not known"},
      {"{name: s, table: a.b, columns: {mask: {x: 'truncate:-1'}}}", "mask: the mask of 'x' is not known"},
      {"{name: s, table: a.b, columns: {mask: {x: redact, x: redact}}}", "mask: the column 'x' comes twice"},
      {"{name: s, table: a.b, columns: {exclude: [x], mask: {x: redact}}}", "mask: the column 'x' is excluded too"},
      {"{name: s, table: a.b, columns: {mask: {x: hmac}}}", "'hmac_key_file' is missing in 'streams'"},
      {"{name: s, table: a.b, hmac_key_file: key}", "hmac_key_file: no mask of the stream is hmac"},
      {"{name: s, table: a.b}, {name: s, table: a.b}", "name: line 5 has a stream of this name; choose another"},
  };
  for (const Wrong& wrong : cases) {
    const std::string text = std::string(kLeast) + "streams: [" + wrong.text + "]\n";
    EXPECT_THAT(Mistakes(text), AllOf(StartsWith("5: "), HasSubstr(wrong.message))) << wrong.text;
  }
  EXPECT_THAT(Mistakes(std::string(kLeast) + "streams: []\n"), HasSubstr("5: streams: must be a list of 1 to 1000"));
}

TEST_F(ConfigTest, KeyFilesAreCheckedAndNeverShown) {
  const std::string secret = "the-very-secret-key-of-all-keys";
  const auto mistakes = [&](const std::string& file) {
    return Mistakes(std::string(kLeast) +
                    "streams: [{name: s, table: a.b, columns: {mask: {x: hmac}}, hmac_key_file: " + file + "}]\n");
  };
  Write("open", secret, 0644);
  EXPECT_THAT(mistakes("open"), AllOf(StartsWith("5: hmac_key_file: others may read or write the key file; run chmod"),
                                      Not(HasSubstr(secret))));
  Write("short", "abc", 0600);
  EXPECT_THAT(mistakes("short"), AllOf(HasSubstr("must hold 16 to 4096 bytes"), Not(HasSubstr("abc"))));
  Write("long", std::string(5000, 'k'), 0600);
  EXPECT_THAT(mistakes("long"), HasSubstr("must hold 16 to 4096 bytes"));
  EXPECT_THAT(mistakes("n1"), HasSubstr("no plain file"));
  // The key itself where its file's name should be.
  EXPECT_THAT(mistakes(secret), AllOf(HasSubstr("cannot be opened (No such file"), Not(HasSubstr(secret))));
  EXPECT_THAT(Mistakes(std::string(kLeast) + "streams: [{name: s, table: a.b, columns: {mask: {x: " + secret +
                       "}}, hmac_key: " + secret + "}]\n"),
              AllOf(HasSubstr("unknown key 'hmac_key'"), Not(HasSubstr(secret))));
}

TEST_F(ConfigTest, WhoOnlyAsksNeedsNeitherDirectoriesNorKeys) {
  const std::string text =
      "name: m\nsource: {nodes: [{name: n1, home: gone}]}\nstate: state\n"
      "streams: [{name: s, table: a.b, columns: {mask: {x: hmac}}, hmac_key_file: ";
  EXPECT_THAT(Mistakes(text + "key}]\n"), HasSubstr("there is no directory"));
  EXPECT_EQ(Mistakes(text + "key}]\n", ConfigUse::kRead), "");
  EXPECT_THAT(Mistakes(text + "gone}]\n", ConfigUse::kRead), HasSubstr("cannot be opened"));
  const auto config = Read(text + "gone}]\n", ConfigUse::kAsk);
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->streams[0].hmac_key, "");
}

TEST_F(ConfigTest, TheStateKeepsAwayFromTheNodes) {
  for (const char* state : {"n1/data/braid", "n1/cdc_raw", "n1", "n2/../n1/commitlog/x", "key"}) {
    const std::string text = std::string("name: m\nsource: {nodes: [{name: n1, home: n1}]}\nstate: ") + state + "\n";
    EXPECT_THAT(Mistakes(text), StartsWith("3: state: ")) << state;
  }
  EXPECT_EQ(Mistakes("name: m\nsource: {nodes: [{name: n1, home: n1}]}\nstate: n1/data2\n"), "");
}

TEST_F(ConfigTest, WhatIsNoYamlSaysWhere) {
  const Wrong cases[] = {
      {"", "1: the file is empty"},
      {"# nothing\n", "1: the file is empty"},
      {"- a\n- b\n", "1: the file must be a group of keys, not a list; it takes: name, source"},
      {"name: m\nsource: {nodes: [\n", "this is not YAML (end of sequence flow not found)"},
      {"name: \"a\\qb\"\n", "this is not YAML"},
      {"name: m\n\tsource: 3\n", "this is not YAML"},
      {"name: &n m\nstate: *n\n", "1: anchors (&) and aliases (*) are not read here; write the value out"},
      {"{a: b}: c\n", "1: a key must be a plain word"},
      {"name: m\n---\nname: n\n", "3: a second document begins"},
  };
  for (const Wrong& wrong : cases) EXPECT_THAT(Mistakes(wrong.text), HasSubstr(wrong.message)) << wrong.text;
  EXPECT_THAT(Mistakes(std::string(100'000, '[')), HasSubstr(":"));
  EXPECT_THAT(Mistakes("a: " + std::string(100, '[') + std::string(100, ']')), HasSubstr("nested too deeply"));
  EXPECT_THAT(Mistakes(std::string(2 << 20, '#')), HasSubstr("longer than 1 MiB"));
}

TEST_F(ConfigTest, AFileThatCannotBeReadIsNamed) {
  const auto missing = ReadConfig(root_ / "none.yaml");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr("none.yaml"), HasSubstr("--config")));
  const auto directory = ReadConfig(root_);
  ASSERT_FALSE(directory.has_value());
  EXPECT_EQ(directory.error().code, ErrorCode::kIoError);
}

TEST_F(ConfigTest, APathFromTheWorkingDirectoryIsResolvedByItsOwnDirectory) {
  Write("braid.yaml", kLeast);
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(root_.parent_path());
  const auto config = ReadConfig(root_.filename() / "braid.yaml");
  std::filesystem::current_path(before);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_TRUE(std::filesystem::path(config->state).is_absolute());
  EXPECT_THAT(config->state, EndsWith(root_.filename().string() + "/state"));
}

// Texts that look like configurations, cut, doubled and mixed: every answer is a value or an error with a line.
RC_GTEST_PROP(ConfigLaw, AnyTextIsAnswered, ()) {
  static const std::vector<std::string> kPieces = {"name",
                                                   "source",
                                                   "nodes",
                                                   "home",
                                                   "streams",
                                                   "columns",
                                                   "mask",
                                                   "where",
                                                   ": ",
                                                   "\n",
                                                   "\n  ",
                                                   "- ",
                                                   "{",
                                                   "}",
                                                   "[",
                                                   "]",
                                                   ",",
                                                   "'",
                                                   "\"",
                                                   "#",
                                                   "512MiB",
                                                   "7d",
                                                   "~",
                                                   "null",
                                                   "|",
                                                   ">",
                                                   "&a",
                                                   "*a",
                                                   "!!",
                                                   "%",
                                                   "@",
                                                   "\t",
                                                   "---",
                                                   "...",
                                                   "\\x41",
                                                   "é",
                                                   "a.b",
                                                   "hmac",
                                                   "kafka",
                                                   "brokers",
                                                   "properties",
                                                   "sasl.password",
                                                   "topics",
                                                   "topic",
                                                   "registry",
                                                   "${",
                                                   "env:",
                                                   "file:",
                                                   "http",
                                                   "listen",
                                                   "?",
                                                   "\xff",
                                                   "\xef\xbb\xbf",
                                                   "<<",
                                                   "127.0.0.1:8080",
                                                   "memory",
                                                   "state",
                                                   std::string(1, '\0')};
  const auto picks = *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, kPieces.size()));
  std::string text;
  for (const size_t pick : picks) text += kPieces[pick];
  const Result<Config> config = ParseConfig(text, "f.yaml", ConfigUse::kAsk);
  RC_ASSERT(config.has_value() || config.error().message.starts_with("f.yaml:"));
}

}  // namespace
}  // namespace braid
