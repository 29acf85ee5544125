#include "shape/predicate.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <random>

#include "shape/predicate_test_util.h"

namespace braid::shape {
namespace {

// What a test says of a row: of each column its bytes, or null. Columns that are not named are null, those in `unknown`
// are left out of the image.
struct Row {
  std::map<std::string, std::optional<std::string>> values;
  std::vector<std::string> unknown;
  RowKind kind = RowKind::kRegular;
};

class Predicates {
 public:
  Predicates() : schema_(TableOfAllTypes()) {}

  Result<std::unique_ptr<const Condition>> Parse(const std::string& text) const {
    return ParsePredicate(text, {*schema_, *schema_});
  }

  // "" if there is none.
  std::string ErrorOf(const std::string& text) const {
    const auto parsed = Parse(text);
    if (parsed.has_value()) return "";
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
    return parsed.error().message;
  }

  TruthRange Ask(const Condition& condition, const Row& row) {
    arena_.Reset();
    Change change;
    change.schema = schema_.get();
    change.row = row.kind;
    std::string key;
    AppendCompositeValue(Bytes(row, "id").value_or(std::string(4, '\0')), &key);
    AppendCompositeValue(Bytes(row, "Part").value_or("p"), &key);
    change.partition_key = key;
    std::string clustering;
    for (const char* name : {"n", "tail"}) {
      if (const auto bytes = Bytes(row, name)) {
        AppendClusteringValue(*bytes, &clustering);
      } else {
        AppendClusteringNull(&clustering);
      }
    }
    if (row.kind == RowKind::kRegular) change.clustering = clustering;
    std::vector<ColumnValue> columns;
    for (const ColumnId id : row.kind == RowKind::kStatic ? schema_->statics : schema_->regulars) {
      const std::string& name = schema_->column(id).name;
      if (std::ranges::find(row.unknown, name) != row.unknown.end()) continue;
      ColumnValue& value = columns.emplace_back();
      value.column = id;
      const auto bytes = Bytes(row, name);
      value.null = !bytes.has_value();
      if (bytes) value.value = arena_.Copy(*bytes);
    }
    const Image image{columns};
    return condition.Of({change, row.kind == RowKind::kRange ? nullptr : &image});
  }

  // "true", "false", "null", or "?" if it cannot be decided.
  std::string Ask(const std::string& text, const Row& row) {
    const auto parsed = Parse(text);
    if (!parsed.has_value()) return parsed.error().message;
    const TruthRange truth = Ask(**parsed, row);
    if (truth.least != truth.most) return truth.surely_not() ? "not true" : truth.surely_true() ? "true" : "?";
    return truth.least == Truth::kTrue ? "true" : truth.least == Truth::kFalse ? "false" : "null";
  }

 private:
  static std::optional<std::string> Bytes(const Row& row, const std::string& name) {
    const auto found = row.values.find(name);
    return found == row.values.end() ? std::nullopt : found->second;
  }

  TableSchemaPtr schema_;
  Arena arena_;
};

bool Naive(const std::string& op, int a, int b) {
  if (op == "=") return a == b;
  if (op == "!=") return a != b;
  if (op == "<") return a < b;
  if (op == "<=") return a <= b;
  if (op == ">") return a > b;
  return a >= b;
}

constexpr const char* kOperators[] = {"=", "!=", "<", "<=", ">", ">="};

TEST(Predicate, EveryOperatorOfEveryType) {
  Predicates predicates;
  for (const RankedType& type : RankedTypes()) {
    for (const RankedValue& in_row : type.values) {
      const Row row{{{type.column, in_row.bytes}}, {}};
      for (const RankedValue& literal : type.values) {
        for (const char* op : kOperators) {
          const std::string text = type.column + " " + op + " " + literal.literal;
          EXPECT_EQ(predicates.Ask(text, row), Naive(op, in_row.rank, literal.rank) ? "true" : "false")
              << text << " of " << in_row.literal;
          EXPECT_EQ(predicates.Ask(text, {}), "null") << text;
          EXPECT_EQ(predicates.Ask(text, {{}, {type.column}}), "?") << text;
        }
        const std::string in = type.column + " IN (" + type.values[0].literal + "," + literal.literal + ")";
        const bool is_in = in_row.rank == literal.rank || in_row.rank == type.values[0].rank;
        EXPECT_EQ(predicates.Ask(in, row), is_in ? "true" : "false") << in << " of " << in_row.literal;
      }
      EXPECT_EQ(predicates.Ask(type.column + " IS NULL", row), "false");
      EXPECT_EQ(predicates.Ask(type.column + " is not null", row), "true");
    }
    EXPECT_EQ(predicates.Ask(type.column + " IN (" + type.values[0].literal + ")", {}), "null");
    EXPECT_EQ(predicates.Ask(type.column + " IS NULL", {}), "true");
    EXPECT_EQ(predicates.Ask(type.column + " IS NULL", {{}, {type.column}}), "?");
  }
}

TEST(Predicate, AndBindsStrongerThanOrAndNotThanAnd) {
  Predicates predicates;
  const Row row{{{"tiny", FromHex("01")}, {"small", FromHex("0002")}}, {}};
  EXPECT_EQ(predicates.Ask("tiny = 1 OR small = 3 AND small = 4", row), "true");
  EXPECT_EQ(predicates.Ask("(tiny = 1 OR small = 3) AND small = 4", row), "false");
  EXPECT_EQ(predicates.Ask("NOT tiny = 2 AND small = 3", row), "false");
  EXPECT_EQ(predicates.Ask("NOT (tiny = 2 AND small = 3)", row), "true");
  EXPECT_EQ(predicates.Ask("not not tiny = 1", row), "true");
  EXPECT_EQ(predicates.Ask("tiny NOT IN (1, 2)", row), "false");
  EXPECT_EQ(predicates.Ask("tiny not in (2)\n", row), "true");
}

TEST(Predicate, ThreeValuedLogic) {
  Predicates predicates;
  const Row row{{{"tiny", FromHex("01")}}, {"big"}};
  const std::pair<std::string, std::string> values[] = {
      {"tiny = 0", "false"}, {"small = 0", "null"}, {"tiny = 1", "true"}};
  for (const auto& [a, of_a] : values) {
    for (const auto& [b, of_b] : values) {
      const auto rank = [](const std::string& truth) { return truth == "false" ? 0 : truth == "null" ? 1 : 2; };
      EXPECT_EQ(predicates.Ask(a + " AND " + b, row), rank(of_a) < rank(of_b) ? of_a : of_b);
      EXPECT_EQ(predicates.Ask(a + " OR " + b, row), rank(of_a) > rank(of_b) ? of_a : of_b);
    }
    EXPECT_EQ(predicates.Ask("NOT " + a, row), of_a == "null" ? "null" : of_a == "true" ? "false" : "true");
  }
  EXPECT_EQ(predicates.Ask("big = 1 OR tiny = 1", row), "true") << "whatever the unknown column holds";
  EXPECT_EQ(predicates.Ask("big = 1 AND tiny = 0", row), "false");
  EXPECT_EQ(predicates.Ask("big = 1 AND tiny = 1", row), "?");
  EXPECT_EQ(predicates.Ask("big = 1 AND small = 1", row), "not true");
  EXPECT_EQ(predicates.Ask("NOT (big = 1 AND small = 1)", row), "?") << "null or true";
}

TEST(Predicate, KeysStaticsAndKindsOfRows) {
  Predicates predicates;
  const std::map<std::string, std::optional<std::string>> values = {{"id", FromHex("00000007")},
                                                                    {"Part", "x"},
                                                                    {"n", FromHex("00000002")},
                                                                    {"s", FromHex("00000003")},
                                                                    {"tiny", FromHex("01")}};
  const Row regular{values, {}};
  const Row fixed{values, {}, RowKind::kStatic};
  const Row range{values, {}, RowKind::kRange};
  EXPECT_EQ(predicates.Ask("id = 7 AND \"Part\" = 'x' AND n = 2 AND tail IS NULL AND tiny = 1", regular), "true");
  EXPECT_EQ(predicates.Ask("\"Part\" > 'x'", regular), "false");
  EXPECT_EQ(predicates.Ask("s = 3", regular), "null") << "a regular row has no static columns";
  EXPECT_EQ(predicates.Ask("s = 3 AND id = 7 AND \"Part\" = 'x'", fixed), "true");
  EXPECT_EQ(predicates.Ask("n = 2", fixed), "null");
  EXPECT_EQ(predicates.Ask("tiny = 1", fixed), "null");
  EXPECT_EQ(predicates.Ask("id = 7", range), "true");
  EXPECT_EQ(predicates.Ask("id = 8 AND n = 2", range), "false");
  for (const char* column : {"n", "s", "tiny"}) EXPECT_EQ(predicates.Ask(std::string(column) + " = 1", range), "?");
}

TEST(Predicate, WhatReadsAsNullIsNull) {
  Predicates predicates;
  EXPECT_EQ(predicates.Ask("number IS NULL", {{{"number", ""}}, {}}), "true");
  EXPECT_EQ(predicates.Ask("title IS NULL", {{{"title", ""}}, {}}), "false");
  EXPECT_EQ(predicates.Ask("number != 1", {{{"number", FromHex("0001")}}, {}}), "null") << "two bytes are no int";
  EXPECT_EQ(predicates.Ask("title != 'x'", {{{"title", "\xff"}}, {}}), "null") << "no UTF-8";
  EXPECT_EQ(predicates.Ask("tags IS NULL", {{{"tags", FromHex("00000000")}}, {}}), "true");
  EXPECT_EQ(predicates.Ask("tags IS NULL", {{{"tags", FromHex("000000010000000400000001")}}, {}}), "false");
  EXPECT_EQ(predicates.Ask("pair IS NOT NULL AND span IS NULL", {{{"pair", FromHex("0000000400000001")}}, {}}), "true");
  EXPECT_EQ(predicates.Ask("\"in\" IS NULL", {}), "true") << "a keyword's name in quotes";
  EXPECT_EQ(predicates.Ask("TINY = 1", {{{"tiny", FromHex("01")}}, {}}), "true") << "names are in lower case";
}

TEST(Predicate, MistakesAreNamedWithTheirPlace) {
  const Predicates predicates;
  const std::string no_column =
      "; its columns are id, \"Part\", n, tail, s, address, at, big, clock, code, count, day, ";
  const std::pair<std::string, std::string> cases[] = {
      {"x = 1", "at character 1: the table has no column x" + no_column},
      {"tiny = 1 AND Part = 'x'",
       "at character 14: the table has no column part, but one \"Part\"; write it so (without double quotes a name is "
       "in "
       "lower case)"},
      {"\"Tiny\" = 1", "at character 1: the table has no column \"Tiny\", but one tiny;"},
      {"gone = 1", "at character 1: column gone was dropped from the table: leave it out of the predicate"},
      {"tiny = 128",
       "at character 8: column tiny is tinyint: 128 is no value of tinyint; write a whole number from -128 to 127"},
      {"number = 1.5",
       "at character 10: column number is int: 1.5 is no value of int; write a whole number from -2147483648 to "
       "2147483647"},
      {"number = '1'", "at character 10: column number is int: '1' is no value of int; write a whole number"},
      {"number = tiny",
       "at character 10: column number is int: tiny is no value of int; write a whole number from -2147483648 to "
       "2147483647 (a column is compared with literals only)"},
      {"flag = 'yes'", "at character 8: column flag is boolean: 'yes' is no value of boolean; write true or false"},
      {"flag",
       "at character 5: the end cannot follow column flag; write = != < <= > >=, IN (…), NOT IN (…), IS NULL or IS "
       "NOT NULL; a boolean too is compared: = true"},
      {"title = abc",
       "at character 9: column title is text: abc is no value of text; write a text in single quotes, e.g. 'abc' "
       "(a column is compared with literals only)"},
      {"title = \"abc\"", "at character 9: column title is text: \"abc\" is no value of text"},
      {"code = 'é'",
       "at character 8: column code is ascii: 'é' is no value of ascii; write a text of ASCII characters"},
      {"title = 'é' AND x = 1", "at character 17: the table has no column x"},
      {"raw = 0xabc",
       "at character 7: column raw is blob: 0xabc is no value of blob; write 0x and two hexadecimal digits for each "
       "byte"},
      {"raw = 'abc'", "at character 7: column raw is blob"},
      {"ident = '123e4567-e89b-12d3-a456-426614174000'", "at character 9: column ident is uuid"},
      {"moment = 123e4567-e89b-42d3-a456-426614174000",
       "at character 10: column moment is timeuuid: 123e4567-e89b-42d3-a456-426614174000 is no value of timeuuid; "
       "write a UUID of version 1"},
      {"ident = 123e4567-e89b", "at character 9: 123e4567-e89b is neither a number nor a UUID nor a blob"},
      {"address = '10.0.0'",
       "at character 11: column address is inet: '10.0.0' is no value of inet; write an address in single quotes"},
      {"address = '10.0.0.1/8'", "at character 11: column address is inet"},
      {"day = '2026-02-30'",
       "at character 7: column day is date: '2026-02-30' is no value of date; write a date in single quotes"},
      {"clock = '7:00'", "at character 9: column clock is time: '7:00' is no value of time; write a time of day"},
      {"at = 'today'",
       "at character 6: column at is timestamp: 'today' is no value of timestamp; write a time in single quotes"},
      {"var = 1e3",
       "at character 7: column var is varint: 1e3 is no value of varint; write a whole number of at most 10000 digits"},
      {"price = 1e2147483648", "at character 9: column price is decimal"},
      {"price = 1e99999999999999999999", "at character 9: column price is decimal"},
      {"price = 'x'",
       "at character 9: column price is decimal: 'x' is no value of decimal; write a number of at most 10000 digits"},
      {"ratio = 1e40",
       "at character 9: column ratio is float: 1e40 is no value of float; write a number within its range"},
      {"weight = nil", "at character 10: column weight is double: nil is no value of double"},
      {"tags = 1",
       "at character 8: column tags is set<int>: its values cannot be compared; IS NULL and IS NOT NULL can be asked "
       "of it"},
      {"pair IN (1)", "at character 10: column pair is tuple<int, int>: its values cannot be compared"},
      {"span > 1", "at character 8: column span is duration: its values cannot be compared"},
      {"tiny = NULL",
       "at character 8: column tiny is tinyint: nothing equals or differs from NULL; write IS NULL or IS NOT NULL"},
      {"tiny IN (1, null)", "at character 13: column tiny is tinyint: nothing equals or differs from NULL"},
      {"tiny IN 1", "at character 9: after IN comes a list in parentheses, not 1"},
      {"tiny IN ()", "at character 10: column tiny is tinyint: ) is no value of tinyint"},
      {"tiny IN (1 2)", "at character 12: the list of IN goes on with , or ends with ), not 2"},
      {"tiny IN (1", "at character 11: the list of IN goes on with , or ends with ), not the end"},
      {"tiny IS 1", "at character 9: after IS comes NULL or NOT NULL, not 1"},
      {"tiny NOT 1",
       "at character 10: 1 cannot follow column tiny; write = != < <= > >=, IN (…), NOT IN (…), IS NULL or IS NOT "
       "NULL"},
      {"tiny NOT = 1", "at character 10: = cannot follow column tiny"},
      {"title LIKE 'x'", "at character 7: LIKE cannot follow column title"},
      {"1 = tiny",
       "at character 1: a condition begins with a column's name, not with 1; write the literal to the right of the "
       "comparison"},
      {"true", "at character 1: a condition begins with a column's name, not with true; write the literal"},
      {"in = 1",
       "at character 1: a condition begins with a column's name, not with in; a column of that name is written in "
       "double quotes"},
      {"= 1", "at character 1: a condition begins with a column's name, not with ="},
      {"tiny = 1 AND", "at character 13: a condition begins with a column's name, not with the end"},
      {"tiny = 1 tiny = 2", "at character 10: tiny follows a whole condition; join conditions with AND or OR"},
      {"(tiny = 1", "at character 10: a ) is missing before the end, for the ( at character 1"},
      {"tiny = 1)", "at character 9: there is no ( for this )"},
      {"tiny <> 1", "at character 6: there is no <>; write !="},
      {"tiny == 1", "at character 6: there is no ==; write ="},
      {"tiny = 1; x",
       "at character 9: ; means nothing here; a predicate has comparisons (= != < <= > >=), IN, IS NULL, AND, OR, NOT "
       "and parentheses"},
      {"tiny = §", "at character 8: § means nothing here"},
      {"title = 'abc", "at character 9: the quote ' has no end; within it a quote is written twice"},
      {"\"abc", "at character 1: the quote \" has no end"},
      {"tiny = 1a", "at character 8: 1a is neither a number nor a UUID nor a blob"},
      {"tiny = 1.", "at character 8: 1. is neither a number"},
      {"tiny = -", "at character 8: - means nothing here"},
      {"number = '" + std::string(100, 'x') + "'",
       "at character 10: column number is int: '" + std::string(60, 'x') + "…' is no value"},
      {std::string(70'000, ' '), "it has 70000 bytes; at most 65536 are taken"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_EQ(predicates.ErrorOf(text).substr(0, message.size()), message) << text;
  }
}

TEST(Predicate, DepthIsBounded) {
  const Predicates predicates;
  const auto nested = [](size_t depth) { return std::string(depth, '(') + "tiny = 1" + std::string(depth, ')'); };
  EXPECT_EQ(predicates.ErrorOf(nested(100)), "");
  EXPECT_EQ(predicates.ErrorOf(nested(101)), "at character 102: more than 100 parentheses and NOTs within one another");
  std::string negated = "tiny = 1";
  for (int i = 0; i < 101; ++i) negated = "NOT " + negated;
  EXPECT_NE(predicates.ErrorOf(negated), "");
  std::string wide = "tiny = 1";
  while (wide.size() < 60'000) wide += " OR tiny = 1";
  EXPECT_EQ(predicates.ErrorOf(wide), "");
  Predicates asked;
  EXPECT_EQ(asked.Ask(wide, {{{"tiny", FromHex("01")}}, {}}), "true");
}

TEST(Predicate, LongNumbers) {
  Predicates predicates;
  EXPECT_EQ(predicates.ErrorOf("var = " + std::string(10'000, '9')), "");
  EXPECT_NE(predicates.ErrorOf("var = " + std::string(10'001, '9')), "");
  EXPECT_NE(predicates.ErrorOf("price = " + std::string(10'001, '9')), "");
  // -2^63 and its neighbours, where a byte is gained.
  EXPECT_EQ(predicates.Ask("var = -128", {{{"var", FromHex("80")}}, {}}), "true");
  EXPECT_EQ(predicates.Ask("var = -129", {{{"var", FromHex("ff7f")}}, {}}), "true");
  EXPECT_EQ(predicates.Ask("var = 128", {{{"var", FromHex("0080")}}, {}}), "true");
  EXPECT_EQ(predicates.Ask("var = 18446744073709551616", {{{"var", FromHex("010000000000000000")}}, {}}), "true");
  EXPECT_EQ(predicates.Ask("price = -0.1e-2147483646", {{{"price", FromHex("7fffffffff")}}, {}}), "true");
}

// A random predicate, and what SQL says of it, worked out apart from the program: by ranks, and by trying every value
// that an unknown column may have.
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  // A value of a column by its index in RankedType::values; -1 is null.
  using Ranks = std::map<std::string, int>;
  using Meaning = std::function<int(const Ranks&)>;  // 0 false, 1 null, 2 true

  struct Part {
    std::string text;
    Meaning meaning;
  };

  size_t Below(size_t n) { return random_() % n; }

  Part Make(int depth) {
    switch (depth == 0 ? 0 : Below(4)) {
      case 1: {
        Part part = Make(depth - 1);
        return {"NOT (" + part.text + ")", [part](const Ranks& row) { return 2 - part.meaning(row); }};
      }
      case 2:
      case 3: {
        const bool is_and = Below(2) == 0;
        Part a = Make(depth - 1);
        Part b = Make(depth - 1);
        return {"(" + a.text + (is_and ? ") and (" : ") or (") + b.text + ")", [=](const Ranks& row) {
                  const int x = a.meaning(row);
                  const int y = b.meaning(row);
                  return is_and ? std::min(x, y) : std::max(x, y);
                }};
      }
      default:
        return Leaf();
    }
  }

  // Few columns, so that they meet.
  const RankedType& AnyType() {
    if (columns_.empty()) {
      for (int i = 0; i < 3; ++i) columns_.push_back(&RankedTypes()[Below(RankedTypes().size())]);
    }
    return *columns_[Below(columns_.size())];
  }
  const std::vector<const RankedType*>& columns() const { return columns_; }

 private:
  Part Leaf() {
    const RankedType& type = AnyType();
    const std::string column = type.column;
    const auto any = [&] { return type.values[Below(type.values.size())]; };
    const auto rank_of = [&type, column](const Ranks& row) -> std::optional<int> {
      const int index = row.at(column);
      return index < 0 ? std::nullopt : std::optional(type.values[static_cast<size_t>(index)].rank);
    };
    switch (Below(4)) {
      case 0: {
        const bool is_not = Below(2) == 0;
        return {column + (is_not ? " IS NOT NULL" : " IS NULL"),
                [=](const Ranks& row) { return rank_of(row).has_value() == is_not ? 2 : 0; }};
      }
      case 1: {
        const std::vector<RankedValue> list = {any(), any()};
        return {column + " IN (" + list[0].literal + ", " + list[1].literal + ")", [=](const Ranks& row) {
                  const std::optional<int> rank = rank_of(row);
                  return !rank ? 1 : *rank == list[0].rank || *rank == list[1].rank ? 2 : 0;
                }};
      }
      default: {
        const std::string op = kOperators[Below(6)];
        const RankedValue literal = any();
        return {column + op + literal.literal, [=](const Ranks& row) {
                  const std::optional<int> rank = rank_of(row);
                  return !rank ? 1 : Naive(op, *rank, literal.rank) ? 2 : 0;
                }};
      }
    }
  }

  std::mt19937_64 random_;
  std::vector<const RankedType*> columns_;
};

RC_GTEST_PROP(PredicateLaw, SaysWhatSqlSays, ()) {
  Generator generator(*rc::gen::arbitrary<uint64_t>());
  generator.AnyType();
  const Generator::Part part = generator.Make(static_cast<int>(*rc::gen::inRange(0, 4)));
  RC_LOG() << part.text << "\n";
  Predicates predicates;
  const auto parsed = predicates.Parse(part.text);
  RC_ASSERT(parsed.has_value());

  Row row;
  Generator::Ranks ranks;
  for (const RankedType* type : generator.columns()) {
    if (generator.Below(4) == 0) row.unknown.push_back(type->column);
    const int index = static_cast<int>(generator.Below(type->values.size() + 1)) - 1;
    ranks[type->column] = index;
    row.values[type->column] = index < 0 ? std::nullopt : std::optional(type->values[static_cast<size_t>(index)].bytes);
  }
  const TruthRange truth = predicates.Ask(**parsed, row);
  RC_ASSERT(truth.least <= truth.most);
  if (row.unknown.empty()) {
    RC_ASSERT(static_cast<int>(truth.least) == part.meaning(ranks));
    RC_ASSERT(truth.least == truth.most);
    return;
  }
  // Whatever the unknown columns hold, the truth is within the range.
  const std::function<void(size_t)> try_all = [&](size_t i) {
    if (i == row.unknown.size()) {
      const int meaning = part.meaning(ranks);
      RC_ASSERT(static_cast<int>(truth.least) <= meaning && meaning <= static_cast<int>(truth.most));
      return;
    }
    const auto type = std::ranges::find(RankedTypes(), row.unknown[i], &RankedType::column);
    for (int index = -1; index < static_cast<int>(type->values.size()); ++index) {
      ranks[row.unknown[i]] = index;
      try_all(i + 1);
    }
  };
  try_all(0);
}

}  // namespace
}  // namespace braid::shape
