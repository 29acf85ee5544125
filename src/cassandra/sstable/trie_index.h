// Partitions.db and Rows.db of format bti: a trie of the keys' least distinct beginnings, which leads to each
// partition.
//
// Neither has a checksum, so neither is believed: what they say of a place is proved by the data there before it is
// used (SstableScanner), and if they are damaged reading takes longer, no more.
// Learned from org.apache.cassandra.io.sstable.format.bti.{PartitionIndex,TrieIndexEntry} and io.tries.TrieNode.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "cassandra/sstable/index.h"
#include "cassandra/sstable/token_range.h"

namespace braid {

// The eight bytes that sort as the token does.
std::string OrderedToken(Token token);

// Looks into one trie. Reads a node at a time; holds nothing. Thread-safe.
class PartitionTrie {
 public:
  // `rows` may be nullptr: then partitions that have their own index are not found. Both must outlive this.
  PartitionTrie(const ByteSource* partitions, const ByteSource* rows) : partitions_(partitions), rows_(rows) {}

  // The last partition whose token is at most `token`, as far as the trie tells: the best guess first, then the one
  // that is right if the first is behind it. Empty if there is none, or the trie is damaged.
  std::vector<PartitionPlace> Floor(Token token) const;

  // The first partition that begins behind `offset` in the data, as far as the trie tells, of those whose tokens are
  // `from` or greater: all before them are known to begin before it.
  std::optional<PartitionPlace> FirstAfter(uint64_t offset, Token from) const;

  // From the first key's token to the last one's; nothing if they cannot be read.
  std::optional<TokenRange> Tokens() const;

 private:
  struct Node;
  struct Footer;

  std::optional<Footer> ReadFooter() const;
  std::optional<Node> ReadNode(uint64_t at) const;
  // Follows the greatest children from the node at `at`, to which `path` leads, to the leaf.
  std::optional<PartitionPlace> Greatest(uint64_t at, std::string path) const;
  std::optional<PartitionPlace> PlaceOf(const Node& leaf, const std::string& path) const;

  const ByteSource* partitions_;
  const ByteSource* rows_;
};

}  // namespace braid
