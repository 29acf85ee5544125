#include "shape/predicate.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "model/value_order.h"
#include "shape/lexer.h"
#include "shape/literal.h"
#include "shape/operand.h"

namespace braid::shape {
namespace {

using ConditionPtr = std::unique_ptr<const Condition>;

// Parentheses and NOTs within one another.
constexpr int kMaxDepth = 100;

constexpr TruthRange kUndecided{Truth::kFalse, Truth::kTrue};

TruthRange Surely(Truth truth) {
  return {truth, truth};
}
TruthRange Surely(bool truth) {
  return Surely(truth ? Truth::kTrue : Truth::kFalse);
}
Truth Not(Truth truth) {
  return static_cast<Truth>(2 - static_cast<int>(truth));
}

enum class Comparison { kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };

std::optional<Comparison> ComparisonOf(const Word& word) {
  static constexpr std::pair<std::string_view, Comparison> kAll[] = {
      {"=", Comparison::kEqual},        {"!=", Comparison::kNotEqual}, {"<", Comparison::kLess},
      {"<=", Comparison::kLessOrEqual}, {">", Comparison::kGreater},   {">=", Comparison::kGreaterOrEqual}};
  if (word.kind != WordKind::kSymbol) return std::nullopt;
  for (const auto& [text, comparison] : kAll) {
    if (word.text == text) return comparison;
  }
  return std::nullopt;
}

bool Holds(Comparison comparison, int order) {
  switch (comparison) {
    case Comparison::kEqual:
      return order == 0;
    case Comparison::kNotEqual:
      return order != 0;
    case Comparison::kLess:
      return order < 0;
    case Comparison::kLessOrEqual:
      return order <= 0;
    case Comparison::kGreater:
      return order > 0;
    default:
      return order >= 0;
  }
}

class Compare : public Condition {
 public:
  Compare(const Operand& operand, Comparison comparison, std::string literal)
      : operand_(operand), comparison_(comparison), literal_(std::move(literal)) {}

  TruthRange Of(const RowView& row) const override {
    const OperandValue value = operand_.Of(row);
    if (!value.known) return kUndecided;
    if (value.null) return Surely(Truth::kNull);
    return Surely(Holds(comparison_, CompareValues(operand_.type(), value.bytes, literal_)));
  }

 private:
  Operand operand_;
  Comparison comparison_;
  std::string literal_;
};

struct Less {
  const Type& type;
  bool operator()(ByteView a, ByteView b) const { return CompareValues(type, a, b) < 0; }
};

class In : public Condition {
 public:
  In(const Operand& operand, std::vector<std::string> literals) : operand_(operand), literals_(std::move(literals)) {
    std::ranges::sort(literals_, Less{operand_.type()});
  }

  TruthRange Of(const RowView& row) const override {
    const OperandValue value = operand_.Of(row);
    if (!value.known) return kUndecided;
    if (value.null) return Surely(Truth::kNull);
    return Surely(std::binary_search(literals_.begin(), literals_.end(), value.bytes, Less{operand_.type()}));
  }

 private:
  Operand operand_;
  std::vector<std::string> literals_;
};

class IsNull : public Condition {
 public:
  explicit IsNull(const Operand& operand) : operand_(operand) {}

  TruthRange Of(const RowView& row) const override {
    const OperandValue value = operand_.Of(row);
    return value.known ? Surely(value.null) : kUndecided;
  }

 private:
  Operand operand_;
};

class Negation : public Condition {
 public:
  explicit Negation(ConditionPtr part) : part_(std::move(part)) {}

  TruthRange Of(const RowView& row) const override {
    const TruthRange part = part_->Of(row);
    return {Not(part.most), Not(part.least)};
  }

 private:
  ConditionPtr part_;
};

// AND is the least of its parts, OR the greatest.
class Junction : public Condition {
 public:
  Junction(bool is_and, std::vector<ConditionPtr> parts) : is_and_(is_and), parts_(std::move(parts)) {}

  TruthRange Of(const RowView& row) const override {
    TruthRange all = parts_.front()->Of(row);
    for (size_t i = 1; i < parts_.size(); ++i) {
      const TruthRange part = parts_[i]->Of(row);
      all.least = is_and_ ? std::min(all.least, part.least) : std::max(all.least, part.least);
      all.most = is_and_ ? std::min(all.most, part.most) : std::max(all.most, part.most);
    }
    return all;
  }

 private:
  bool is_and_;
  std::vector<ConditionPtr> parts_;
};

bool IsKeyword(const Word& word) {
  static constexpr std::string_view kAll[] = {"and",  "or",    "not", "in",       "is",       "null",
                                              "true", "false", "nan", "infinity", "-infinity"};
  return word.kind == WordKind::kName && std::ranges::find(kAll, LowerCase(word.text)) != std::end(kAll);
}

class Parser {
 public:
  Parser(std::vector<Word> words, const Table& table) : words_(std::move(words)), table_(table) {}

  Result<ConditionPtr> Parse() {
    ASSIGN_OR_RETURN(ConditionPtr all, ParseOr(0));
    if (Now().kind == WordKind::kEnd) return all;
    if (IsSymbol(")")) return Wrong("there is no ( for this )");
    return Wrong(fmt::format("{} follows a whole condition; join conditions with AND or OR", Shown(Now())));
  }

 private:
  const Word& Now() const { return words_[at_]; }
  bool IsSymbol(std::string_view text) const { return Now().kind == WordKind::kSymbol && Now().text == text; }
  bool IsWord(std::string_view keyword) const {
    return Now().kind == WordKind::kName && LowerCase(Now().text) == keyword;
  }
  bool TakeWord(std::string_view keyword) {
    const bool is = IsWord(keyword);
    if (is) ++at_;
    return is;
  }
  bool TakeSymbol(std::string_view text) {
    const bool is = IsSymbol(text);
    if (is) ++at_;
    return is;
  }
  Error Wrong(const std::string& what) const { return ErrorAt(Now().at, what); }

  Result<ConditionPtr> ParseOr(int depth) { return ParseJunction(false, depth); }

  Result<ConditionPtr> ParseJunction(bool is_and, int depth) {
    std::vector<ConditionPtr> parts;
    do {
      ASSIGN_OR_RETURN(ConditionPtr part, is_and ? ParseNot(depth) : ParseJunction(true, depth));
      parts.push_back(std::move(part));
    } while (TakeWord(is_and ? "and" : "or"));
    if (parts.size() == 1) return std::move(parts.front());
    return std::make_unique<Junction>(is_and, std::move(parts));
  }

  Result<ConditionPtr> ParseNot(int depth) {
    if (depth > kMaxDepth) return Wrong(fmt::format("more than {} parentheses and NOTs within one another", kMaxDepth));
    if (TakeWord("not")) {
      ASSIGN_OR_RETURN(ConditionPtr part, ParseNot(depth + 1));
      return std::make_unique<Negation>(std::move(part));
    }
    if (!TakeSymbol("(")) return ParseOfColumn();
    const size_t opened_at = words_[at_ - 1].at;
    ASSIGN_OR_RETURN(ConditionPtr part, ParseOr(depth + 1));
    if (TakeSymbol(")")) return part;
    return Wrong(fmt::format("a ) is missing before {}, for the ( at character {}", Shown(Now()), opened_at));
  }

  // column = literal, column IN (…), column IS NULL.
  Result<ConditionPtr> ParseOfColumn() {
    ASSIGN_OR_RETURN(const NamedColumn column, TakeColumn());
    if (TakeWord("is")) return ParseIs(column);
    const bool negated = TakeWord("not");
    if (TakeWord("in")) {
      ASSIGN_OR_RETURN(ConditionPtr in, ParseIn(column));
      if (!negated) return in;
      return std::make_unique<Negation>(std::move(in));
    }
    const std::optional<Comparison> comparison = negated ? std::nullopt : ComparisonOf(Now());
    if (!comparison) {
      return Wrong(
          fmt::format("{} cannot follow column {}; write = != < <= > >=, IN (…), NOT IN (…), IS NULL or IS NOT "
                      "NULL{}",
                      Shown(Now()), column.column->name,
                      column.column->type->kind == TypeKind::kBoolean ? "; a boolean too is compared: = true" : ""));
    }
    ++at_;
    ASSIGN_OR_RETURN(std::string literal, TakeLiteral(column));
    return std::make_unique<Compare>(Operand(table_.schema, column), *comparison, std::move(literal));
  }

  Result<NamedColumn> TakeColumn() {
    const Word& word = Now();
    const bool is_name = word.kind == WordKind::kQuotedName || (word.kind == WordKind::kName && !IsKeyword(word));
    if (!is_name) {
      const bool is_literal = word.kind == WordKind::kText || word.kind == WordKind::kNumber ||
                              word.kind == WordKind::kUuid || word.kind == WordKind::kBlob || IsWord("true") ||
                              IsWord("false");
      return Wrong(fmt::format("a condition begins with a column's name, not with {}{}", Shown(word),
                               is_literal                     ? "; write the literal to the right of the comparison"
                               : word.kind == WordKind::kName ? "; a column of that name is written in double quotes"
                                                              : ""));
    }
    Result<NamedColumn> column =
        FindColumn(table_, word.kind == WordKind::kQuotedName ? word.text : LowerCase(word.text));
    if (!column.has_value()) return Wrong(column.error().message);
    if (!column->present && column->column->dropped) {
      return Wrong(
          fmt::format("column {} was dropped from the table: leave it out of the predicate", column->column->name));
    }
    ++at_;
    return column;
  }

  Result<ConditionPtr> ParseIs(const NamedColumn& column) {
    const bool negated = TakeWord("not");
    if (!TakeWord("null")) return Wrong(fmt::format("after IS comes NULL or NOT NULL, not {}", Shown(Now())));
    ConditionPtr is_null = std::make_unique<IsNull>(Operand(table_.schema, column));
    if (!negated) return is_null;
    return std::make_unique<Negation>(std::move(is_null));
  }

  Result<ConditionPtr> ParseIn(const NamedColumn& column) {
    if (!TakeSymbol("(")) return Wrong(fmt::format("after IN comes a list in parentheses, not {}", Shown(Now())));
    std::vector<std::string> literals;
    do {
      ASSIGN_OR_RETURN(std::string literal, TakeLiteral(column));
      literals.push_back(std::move(literal));
    } while (TakeSymbol(","));
    if (!TakeSymbol(")"))
      return Wrong(fmt::format("the list of IN goes on with , or ends with ), not {}", Shown(Now())));
    return std::make_unique<In>(Operand(table_.schema, column), std::move(literals));
  }

  Result<std::string> TakeLiteral(const NamedColumn& column) {
    const Word& word = Now();
    const Column& named = *column.column;
    const std::string start = fmt::format("column {} is {}: ", named.name, ToCql(*named.type));
    if (!TakesLiterals(*named.type)) {
      return Wrong(start + "its values cannot be compared; IS NULL and IS NOT NULL can be asked of it");
    }
    if (IsWord("null")) return Wrong(start + "nothing equals or differs from NULL; write IS NULL or IS NOT NULL");
    const bool is_name = word.kind == WordKind::kQuotedName || (word.kind == WordKind::kName && !IsKeyword(word));
    Result<std::string> literal = LiteralValue(*named.type, word);
    if (!literal.has_value()) {
      return Wrong(start + literal.error().message + (is_name ? " (a column is compared with literals only)" : ""));
    }
    ++at_;
    return literal;
  }

  const std::vector<Word> words_;
  const Table& table_;
  size_t at_ = 0;
};

}  // namespace

Result<ConditionPtr> ParsePredicate(std::string_view text, const Table& table) {
  ASSIGN_OR_RETURN(std::vector<Word> words, CutIntoWords(text));
  return Parser(std::move(words), table).Parse();
}

}  // namespace braid::shape
