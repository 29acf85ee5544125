#include "cassandra/sstable/trie_index.h"

#include <utility>

#include "base/cursor.h"

namespace braid {
namespace {

constexpr uint64_t kFooterBytes = 24;
// The greatest node has 256 pointers of eight bytes, and a payload.
constexpr uint64_t kMaxNodeBytes = 3 + 256 * 8 + 9;
constexpr uint64_t kMaxKeyBytes = 65535;
// What goes before a key's token in its comparable form (ByteSource.NEXT_COMPONENT).
constexpr char kNextComponent = 0x40;
constexpr int kHashFlag = 8;
// A damaged trie may lead to the same nodes again and again.
constexpr int kMostVisited = 1 << 20;

// An unsigned number of `bytes` bytes.
uint64_t SizedNumber(Cursor* from, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | from->U8();
  return value;
}

// Pointers of a node's children. `width` is in bytes, or 0 for twelve bits.
std::vector<uint64_t> ReadPointers(Cursor* from, int count, int width) {
  std::vector<uint64_t> pointers;
  if (width != 0) {
    for (int i = 0; i < count; ++i) pointers.push_back(SizedNumber(from, width));
    return pointers;
  }
  const ByteView packed = from->Bytes((static_cast<uint64_t>(count) * 3 + 1) / 2);
  for (int i = 0; i < count && from->ok(); ++i) {
    const size_t at = static_cast<size_t>(i) * 3 / 2;
    const uint64_t high = static_cast<uint8_t>(packed[at]);
    const uint64_t low = static_cast<uint8_t>(packed[at + 1]);
    pointers.push_back(i % 2 == 0 ? high << 4 | low >> 4 : (high & 0xF) << 8 | low);
  }
  return pointers;
}

}  // namespace

struct PartitionTrie::Footer {
  uint64_t first_key = 0;  // where the first key stands, and behind it the last
  uint64_t root = 0;
};

struct PartitionTrie::Node {
  struct Child {
    uint8_t byte;
    uint64_t at;
  };
  std::vector<Child> children;  // by byte
  // Negative: one's complement of an offset in the data. Else an offset in Rows.db.
  std::optional<int64_t> payload;
};

std::string OrderedToken(Token token) {
  std::string bytes;
  AppendBigEndian(&bytes, static_cast<uint64_t>(token.value) ^ uint64_t{1} << 63);
  return bytes;
}

std::optional<PartitionTrie::Footer> PartitionTrie::ReadFooter() const {
  const Result<uint64_t> size = partitions_->Size();
  if (!size.has_value() || *size < kFooterBytes) return std::nullopt;
  const std::string bytes = ReadSome(*partitions_, *size - kFooterBytes, kFooterBytes);
  Cursor cursor(bytes);
  Footer footer;
  footer.first_key = cursor.U64();
  cursor.Skip(8);  // how many keys
  footer.root = cursor.U64();
  if (!cursor.ok() || footer.first_key >= *size || footer.root >= *size) return std::nullopt;
  return footer;
}

std::optional<PartitionTrie::Node> PartitionTrie::ReadNode(uint64_t at) const {
  // By a node's type: bytes of a pointer, 0 for twelve bits.
  constexpr int kSingle[] = {0, 0, 1, 0, 2};
  constexpr int kSparse[] = {1, 0, 2, 3, 5};
  constexpr int kDense[] = {0, 2, 3, 4, 5, 8};
  const std::string bytes = ReadSome(*partitions_, at, kMaxNodeBytes);
  Cursor from(bytes);
  const int head = from.U8();
  const int type = head >> 4;
  const int low = head & 0xF;
  int payload_bits = low;
  Node node;
  std::vector<uint8_t> transitions;
  std::vector<uint64_t> deltas;
  if (type == 1) {  // one child, at most 15 bytes before
    payload_bits = 0;
    transitions = {from.U8()};
    deltas = {static_cast<uint64_t>(low)};
  } else if (type == 3) {  // the same with twelve bits
    payload_bits = 0;
    deltas = {static_cast<uint64_t>(low) << 8 | from.U8()};
    transitions = {from.U8()};
  } else if (type == 2 || type == 4) {
    transitions = {from.U8()};
    deltas = ReadPointers(&from, 1, kSingle[type]);
  } else if (type >= 5 && type <= 9) {
    const int count = from.U8();
    for (int i = 0; i < count; ++i) transitions.push_back(from.U8());
    deltas = ReadPointers(&from, count, kSparse[type - 5]);
  } else if (type >= 10) {
    const int first = from.U8();
    const int count = from.U8() + 1;
    for (int i = 0; i < count; ++i) transitions.push_back(static_cast<uint8_t>(first + i));
    deltas = ReadPointers(&from, count, kDense[type - 10]);
  }
  const bool hashed = payload_bits >= kHashFlag;
  const int payload_bytes = hashed ? payload_bits - kHashFlag + 1 : payload_bits;
  if (hashed) from.Skip(1);
  if (payload_bytes != 0) {
    const uint64_t value = SizedNumber(&from, payload_bytes);
    const int unused = 64 - 8 * payload_bytes;
    node.payload = static_cast<int64_t>(value << unused) >> unused;
  }
  if (!from.ok()) return std::nullopt;
  for (size_t i = 0; i < deltas.size(); ++i) {
    if (deltas[i] == 0) continue;  // a byte that leads nowhere
    if (deltas[i] > at) return std::nullopt;
    node.children.push_back({transitions[i], at - deltas[i]});
  }
  return node;
}

std::optional<PartitionPlace> PartitionTrie::PlaceOf(const Node& leaf, const std::string& path) const {
  if (!leaf.payload.has_value()) return std::nullopt;
  PartitionPlace place;
  if (*leaf.payload < 0) {
    place.offset = static_cast<uint64_t>(~*leaf.payload);
    if (place.offset == 0) return place;  // the only partition may have no path, and needs no proof
    if (path.empty() || path[0] != kNextComponent) return std::nullopt;
    place.token_prefix = path.substr(1, sizeof(uint64_t));
    return place;
  }
  if (rows_ == nullptr) return std::nullopt;
  const std::string bytes =
      ReadSome(*rows_, static_cast<uint64_t>(*leaf.payload), sizeof(uint16_t) + kMaxKeyBytes + kMaxVintBytes);
  Cursor from(bytes);
  place.key = from.Bytes(from.U16());
  place.offset = from.Vint();
  if (!from.ok()) return std::nullopt;
  return place;
}

std::optional<PartitionPlace> PartitionTrie::Greatest(uint64_t at, std::string path) const {
  for (;;) {  // children stand before their parents: it ends
    const std::optional<Node> node = ReadNode(at);
    if (!node.has_value()) return std::nullopt;
    if (node->children.empty()) return PlaceOf(*node, path);
    path.push_back(static_cast<char>(node->children.back().byte));
    at = node->children.back().at;
  }
}

std::vector<PartitionPlace> PartitionTrie::Floor(Token token) const {
  const std::optional<Footer> footer = ReadFooter();
  if (!footer.has_value()) return {};
  const std::string wanted = kNextComponent + OrderedToken(token);
  // The nearest branch to the left of the way taken.
  struct Branch {
    uint64_t at;
    std::string path;
  };
  std::optional<Branch> lesser;
  std::vector<PartitionPlace> places;
  const auto take = [&places](std::optional<PartitionPlace> place) {
    if (place.has_value()) places.push_back(*std::move(place));
  };
  uint64_t at = footer->root;
  std::string path;
  while (path.size() < wanted.size()) {
    const std::optional<Node> node = ReadNode(at);
    if (!node.has_value()) break;
    if (node->children.empty()) {
      // The only key that begins so: whether it is behind the token the data will tell.
      take(PlaceOf(*node, path));
      break;
    }
    const uint8_t byte = static_cast<uint8_t>(wanted[path.size()]);
    const Node::Child* next = nullptr;
    for (const Node::Child& child : node->children) {
      if (child.byte < byte) lesser = Branch{child.at, path + static_cast<char>(child.byte)};
      if (child.byte == byte) next = &child;
    }
    if (next == nullptr) break;
    path.push_back(static_cast<char>(byte));
    at = next->at;
  }
  if (path.size() == wanted.size()) take(Greatest(at, path));
  if (lesser.has_value()) take(Greatest(lesser->at, std::move(lesser->path)));
  return places;
}

std::optional<PartitionPlace> PartitionTrie::FirstAfter(uint64_t offset, Token from) const {
  // A node on the way down, and which of its children is the next to be visited.
  struct Step {
    Node node;
    size_t next = 0;
  };
  const std::optional<Footer> footer = ReadFooter();
  if (!footer.has_value()) return std::nullopt;
  const std::string least = kNextComponent + OrderedToken(from);
  std::vector<Step> way;
  std::string path;
  uint64_t at = footer->root;
  for (int visited = 0; visited < kMostVisited; ++visited) {
    const std::optional<Node> node = ReadNode(at);
    if (!node.has_value()) return std::nullopt;
    if (node->children.empty()) {
      std::optional<PartitionPlace> place = PlaceOf(*node, path);
      if (place.has_value() && place->offset > offset) return place;
    }
    way.push_back({.node = *node});
    // On to the next child that may lead to what is wanted, of this node or of the nearest one above that has any left.
    for (bool found = false; !found;) {
      if (way.empty()) return std::nullopt;
      path.resize(way.size() - 1);
      Step& step = way.back();
      while (!found && step.next < step.node.children.size()) {
        const Node::Child& child = step.node.children[step.next++];
        std::string down = path + static_cast<char>(child.byte);
        if (down < least.substr(0, down.size())) continue;
        path = std::move(down);
        at = child.at;
        found = true;
      }
      if (!found) way.pop_back();
    }
  }
  return std::nullopt;
}

std::optional<TokenRange> PartitionTrie::Tokens() const {
  const std::optional<Footer> footer = ReadFooter();
  if (!footer.has_value()) return std::nullopt;
  const std::string bytes = ReadSome(*partitions_, footer->first_key, 2 * (sizeof(uint16_t) + kMaxKeyBytes));
  Cursor cursor(bytes);
  const ByteView first = cursor.Bytes(cursor.U16());
  const ByteView last = cursor.Bytes(cursor.U16());
  if (!cursor.ok()) return std::nullopt;
  return RangeOfKeys(first, last);
}

}  // namespace braid
