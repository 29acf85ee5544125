#include "control/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <exception>
#include <sstream>
#include <utility>

#include "control/words.h"

namespace braid {
namespace {

constexpr size_t kMostLevels = 32;

// Builds the tree out of the parser's events. After the first mistake it takes no more in.
class TreeBuilder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { OnLeaf(mark, anchor, {}); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string& text) override {
    YamlValue value;
    value.kind = YamlValue::Kind::kText;
    value.text = text;
    OnLeaf(mark, anchor, std::move(value));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { OnLeaf(mark, 1, {}); }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Begin(mark, anchor, YamlValue::Kind::kList);
  }
  void OnSequenceEnd() override { End(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Begin(mark, anchor, YamlValue::Kind::kMap);
  }
  void OnMapEnd() override { End(); }

  YamlValue Take() { return std::move(root_); }
  const std::string& mistake() const { return mistake_; }
  int mistake_line() const { return mistake_line_; }

 private:
  // A list or map that is not at its end, and the key that waits for its value.
  struct Level {
    YamlValue value;
    bool has_key = false;
    std::string key;
    int key_line = 0;
  };

  void Fail(int line, std::string mistake) {
    if (!mistake_.empty()) return;
    mistake_ = std::move(mistake);
    mistake_line_ = line;
  }

  bool Good(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) Fail(mark.line + 1, "anchors (&) and aliases (*) are not read here; write the value out");
    return mistake_.empty();
  }

  void OnLeaf(const YAML::Mark& mark, YAML::anchor_t anchor, YamlValue value) {
    if (!Good(mark, anchor)) return;
    value.line = mark.line + 1;
    Attach(std::move(value));
  }

  void Begin(const YAML::Mark& mark, YAML::anchor_t anchor, YamlValue::Kind kind) {
    if (levels_.size() >= kMostLevels) Fail(mark.line + 1, "nested too deeply; no setting is");
    if (!Good(mark, anchor)) return;
    Level level;
    level.value.kind = kind;
    level.value.line = mark.line + 1;
    levels_.push_back(std::move(level));
  }

  void End() {
    if (!mistake_.empty()) return;
    YamlValue value = std::move(levels_.back().value);
    levels_.pop_back();
    Attach(std::move(value));
  }

  void Attach(YamlValue value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return;
    }
    Level& parent = levels_.back();
    if (parent.value.kind == YamlValue::Kind::kMap && !parent.has_key) {
      if (value.kind != YamlValue::Kind::kText) return Fail(value.line, "a key must be a plain word");
      parent.has_key = true;
      parent.key = std::move(value.text);
      parent.key_line = value.line;
      return;
    }
    value.key = std::move(parent.key);
    value.key_line = parent.key_line;
    parent.has_key = false;
    parent.value.items.push_back(std::move(value));
  }

  YamlValue root_;
  std::vector<Level> levels_;
  std::string mistake_;
  int mistake_line_ = 0;
};

Error Mistake(const std::string& path, int line, const std::string& text) {
  return InvalidArgument(fmt::format("{}:{}: {}", path, line, OneLine(text)));
}

Result<YamlValue> Parse(const std::string& text, const std::string& path) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  TreeBuilder builder;
  parser.HandleNextDocument(builder);
  if (!builder.mistake().empty()) return Mistake(path, builder.mistake_line(), builder.mistake());
  TreeBuilder second;
  if (parser.HandleNextDocument(second)) {
    return Mistake(path, std::max(1, second.Take().line), "a second document begins; keep one, without --- lines");
  }
  return builder.Take();
}

}  // namespace

const char* YamlKindName(YamlValue::Kind kind) {
  switch (kind) {
    case YamlValue::Kind::kNothing:
      return "nothing";
    case YamlValue::Kind::kText:
      return "a single value";
    case YamlValue::Kind::kList:
      return "a list";
    case YamlValue::Kind::kMap:
      return "a group of keys";
  }
  return "";
}

Result<YamlValue> ParseYaml(const std::string& text, const std::string& path) {
  try {
    return Parse(text, path);
  } catch (const YAML::Exception& exception) {
    // The library's own words name no content of the file.
    return Mistake(
        path, exception.mark.is_null() ? 1 : exception.mark.line + 1,
        fmt::format("this is not YAML ({}); look at this line and the one before for a missing colon, quote, "
                    "bracket or a wrong indentation",
                    exception.msg));
  } catch (const std::exception& exception) {
    return Mistake(path, 1, fmt::format("cannot be read as YAML ({})", exception.what()));
  }
}

}  // namespace braid
