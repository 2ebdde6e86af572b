#include "text/charsmap.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/error.h"
#include "base/utf8.h"

namespace transept {
namespace {

void append_u32(std::string& bytes, uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
}

// The map as sentencepiece writes it. The trie is wasteful: each node has a block of its own.
std::string make_blob(const std::map<std::string, std::string>& entries) {
  std::vector<uint32_t> trie(1, 0);
  std::map<std::string, uint32_t> block;  // prefix -> the first unit of its children
  std::map<std::string, uint32_t> unit;
  unit[""] = 0;
  const auto children_of = [&](const std::string& prefix) {
    if (!block.contains(prefix)) {
      block[prefix] = static_cast<uint32_t>((trie.size() + 255) / 256 * 256);
      trie.resize(block[prefix] + 256, 0);
      trie[unit[prefix]] |= (block[prefix] ^ unit[prefix]) << 10;
    }
    return block[prefix];
  };
  std::string texts;
  for (const auto& [key, replacement] : entries) {
    for (size_t i = 0; i < key.size(); ++i) {
      const uint32_t base = children_of(key.substr(0, i));
      const auto c = static_cast<unsigned char>(key[i]);
      const std::string prefix = key.substr(0, i + 1);
      if (unit.contains(prefix)) continue;
      unit[prefix] = base ^ c;
      trie[base ^ c] = c;
    }
    const uint32_t base = children_of(key);
    trie[unit[key]] |= 0x100;
    trie[base] = 0x80000000u | static_cast<uint32_t>(texts.size());
    texts += replacement + '\0';
  }
  std::string blob;
  append_u32(blob, static_cast<uint32_t>(trie.size() * 4));
  for (const uint32_t value : trie) append_u32(blob, value);
  return blob + texts;
}

const std::map<std::string, std::string> kEntries = {{"\xef\xac\x81", "fi"},
                                                     {"e\xcc\x81", "\xc3\xa9"},
                                                     {"\t", " "},
                                                     {"\xe2\x80\x8b", ""},
                                                     {"ab", "1"},
                                                     {"abcd", "2"}};

TEST(CharsMap, FindsTheLongestEntry) {
  const CharsMap map(make_blob(kEntries), "test");
  const auto hit = map.longest_prefix("abcde");
  ASSERT_TRUE(hit.has_value());
  EXPECT_EQ(hit->consumed, 4u);
  EXPECT_EQ(hit->replacement, "2");
  EXPECT_EQ(map.longest_prefix("abce")->consumed, 2u);
  EXPECT_EQ(map.shortest_prefix("abcde")->replacement, "1");
  EXPECT_EQ(map.longest_prefix("\xe2\x80\x8bx")->replacement, "");
  EXPECT_FALSE(map.longest_prefix("a").has_value());
  EXPECT_FALSE(map.longest_prefix("").has_value());
}

TEST(CharsMap, TruncationsAndFlipsEndInAnErrorOrAMap) {
  const std::string blob = make_blob(kEntries);
  const auto use = [](const std::string& bytes) {
    try {
      const CharsMap map(bytes, "test");
      for (const std::string text : {"abcde", "e\xcc\x81", "\xef\xac\x81", "\t", "xyz"}) {
        if (const auto hit = map.longest_prefix(text)) {
          const std::string out = std::string(hit->replacement) + text.substr(hit->consumed);
          EXPECT_EQ(find_invalid_utf8(out), std::string::npos);
        }
        (void)map.shortest_prefix(text);
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::bad_data);
    }
  };
  for (size_t size = 0; size < blob.size(); size += size < 64 ? 1 : 61) use(blob.substr(0, size));
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = blob;
    const size_t bit = random() % (8 * blob.size());
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    use(damaged);
  }
}

}  // namespace
}  // namespace transept
