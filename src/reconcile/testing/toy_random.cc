#include "reconcile/testing/toy_random.h"

namespace braid::testing {

std::string ToyRandom::Time() {
  return std::to_string((kFirstSecond + static_cast<int64_t>(Below(kSpan))) * 1'000'000 +
                        static_cast<int64_t>(Below(3)));
}

std::string ToyRandom::Assignment(uint64_t column) {
  const auto text = [&] { return std::string(1, "xyz"[Below(3)]); };
  const auto number = [&] { return std::to_string(Below(3)); };
  const bool removes = Below(4) == 0;
  switch (column) {
    case 0:
      return removes ? "a=null" : "a=" + text();
    case 1:
      return removes ? "b=null" : "b=" + number();
    case 2:
      return "gone=" + text();
    case 3:
      return removes ? "l-=[" + number() + "]" : (Below(2) ? "l+=[" : "l=[") + number() + ":" + text() + "]";
    case 4:
      return removes ? "m=null" : (Below(2) ? "m+={" : "m={") + text() + ":" + number() + "}";
    case 5:
      return removes ? "st-={" + text() + "}" : (Below(2) ? "st+={" : "st={") + text() + "}";
    case 6:
      return removes ? "u-={" + std::to_string(Below(2)) + "}" : Below(2) ? "u+={0:" + text() + "}" : "u+={1:5}";
    case 7:
      return removes ? "s=null" : "s=" + text();
    default:
      return removes ? "ss=null" : (Below(2) ? "ss+={" : "ss={") + number() + "}";
  }
}

std::string ToyRandom::Assignments(bool is_static) {
  std::string text;
  const uint64_t first = is_static ? 7 : 0;
  const uint64_t end = is_static ? 9 : 7;
  for (uint64_t column = first; column < end; ++column) {
    if (Below(3) == 0) text += " " + Assignment(column);
  }
  return text;
}

std::string ToyRandom::RowPart(const std::string& partition) {
  const bool is_static = Below(6) == 0;
  std::string verb = is_static || Below(2) == 0 ? "set@" : "insert@";
  std::string part = partition + "/" + (is_static ? "static" : std::to_string(Below(kRows))) + " " + verb + Time();
  if (Below(4) == 0) {
    const int64_t expires = kFirstSecond + 1 + static_cast<int64_t>(Below(kLastExpiry - kFirstSecond));
    part += "~" + std::to_string(expires);
  }
  part += "!" + std::to_string(1 + Below(2));
  std::string cells = Assignments(is_static);
  if (cells.empty()) cells = " " + Assignment(is_static ? 7 : 0);
  return part + cells;
}

std::string ToyRandom::Part(const std::string& partition) {
  const std::string deleted = "delete@" + Time() + "!" + std::to_string(1 + Below(2));
  switch (Below(16)) {
    case 0:
      return partition + " " + deleted;
    case 1: {
      const uint64_t from = Below(kRows);
      const uint64_t to = from + Below(kRows - from);
      return partition + "/" + (Below(2) ? "[" : "(") + (Below(4) ? std::to_string(from) : "") + "," +
             (Below(4) ? std::to_string(to) : "") + (Below(2) ? "]" : ")") + " " + deleted;
    }
    case 2:
    case 3:
      return partition + "/" + std::to_string(Below(kRows)) + " " + deleted;
    default:
      return RowPart(partition);
  }
}

std::string ToyRandom::Line() {
  const std::string partition = std::to_string(Below(kPartitions));
  std::string line = "n" + std::to_string(Below(3)) + " ";
  // Several parts only of rows: ranges of one mutation must be disjoint.
  if (Below(5) == 0)
    return line + RowPart(partition) + " & " + partition + "/" + std::to_string(Below(kRows)) + " insert@" + Time() +
           " b=1";
  return line + Part(partition);
}

std::string ToyRandom::CounterLine() {
  const uint64_t partition = Below(kPartitions);
  const uint64_t row = Below(kRows);
  const uint64_t column = Below(2);
  const uint64_t leader = Below(3);
  Shard& shard = shards_[((partition * kRows + row) * 2 + column) * 3 + leader];
  // Clocks of a leader rise with each increment; those of different leaders may be equal.
  counter_clock_ += static_cast<int64_t>(Below(3));
  shard.clock = std::max(shard.clock + 1, counter_clock_);
  shard.count += static_cast<int64_t>(Below(9)) - 4;
  return "n" + std::to_string(leader) + " " + std::to_string(partition) + "/" + std::to_string(row) + " set@" + Time() +
         " " + (column == 0 ? "x=" : "y=") + std::string(1, "ABC"[leader]) + ":" + std::to_string(shard.clock) + ":" +
         std::to_string(shard.count);
}

}  // namespace braid::testing
