// A text that is for those alone who need it: passwords, keys.
#pragma once

#include <ostream>
#include <string>
#include <utility>

namespace braid {

// Nothing prints it: it has no formatter, and a stream shows "(secret)". Whoever calls Reveal() sees to it that the
// text reaches no message, log line, file or page.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  bool empty() const { return text_.empty(); }
  // Lives as long as the secret does.
  const std::string& Reveal() const { return text_; }

  friend bool operator==(const Secret&, const Secret&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Secret& /*secret*/) { return out << "(secret)"; }

 private:
  std::string text_;
};

}  // namespace braid
