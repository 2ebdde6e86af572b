#include "serve/memory_name.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace transept::serve {
namespace {

const std::vector<Token> kSource = {5, 8, 1};
const std::vector<Memory::Segment> kWhole = {{0, 3}};
const MemoryMaker kMaker{.space = kShared, .model = "a model", .tokenizer_hash = "a tokenizer"};

// The server's own ids, and those of a folder it finds after an update: end_to_end.
TEST(MemoryName, AnIdDependsOnNamespaceModelTokenizerNumericsSegmentsAndSource) {
  const std::vector<Token> other = {5, 9, 1};
  const std::vector<Memory::Segment> parts = {{0, 2}, {2, 3}};
  MemoryMaker space = kMaker;
  space.space = "another";
  MemoryMaker model = kMaker;
  model.model = "another";
  MemoryMaker tokenizer = kMaker;
  tokenizer.tokenizer_hash = "another";
  MemoryMaker numerics = kMaker;
  numerics.numerics = kNumericsVersion + 1;
  MemoryMaker moved = kMaker;  // the same letters in a row
  moved.model = "a modela ";
  moved.tokenizer_hash = "tokenizer";
  const std::string id = id_of(kMaker, kSource, kWhole);
  EXPECT_EQ(id.size(), 64U);
  EXPECT_EQ(id_of(kMaker, kSource, kWhole), id);
  const std::set<std::string> ids = {
      id,
      id_of(space, kSource, kWhole),
      id_of(model, kSource, kWhole),
      id_of(tokenizer, kSource, kWhole),
      id_of(numerics, kSource, kWhole),
      id_of(moved, kSource, kWhole),
      id_of(kMaker, kSource, parts),
      id_of(kMaker, other, kWhole),
  };
  EXPECT_EQ(ids.size(), 8U);
}

// printf 'transept namespace 1\nalice' | sha256sum
TEST(MemoryName, ANamespaceIsTheHashOfTheKeysName) {
  EXPECT_EQ(space_of("alice"), "066f0db07e596fb3765c59f60fdb5579bd7fccf9ba26cc8b338cc388c39e5f09");
  EXPECT_NE(space_of("shared"), kShared);
}

// That these are the ids which servers of version 1 gave: end_to_end, by a folder of one.
TEST(MemoryName, AnIdOfVersionOneIsKnownInTheSharedNamespaceOnly) {
  const std::string old = id_of_version_1(kMaker, kSource, kWhole);
  EXPECT_EQ(old.size(), 32U);
  EXPECT_TRUE(is_id_of(old, kMaker, kSource, kWhole));
  EXPECT_TRUE(is_id_of(id_of(kMaker, kSource, kWhole), kMaker, kSource, kWhole));
  const std::vector<Token> other = {5, 9, 1};
  EXPECT_FALSE(is_id_of(old, kMaker, other, kWhole));
  EXPECT_FALSE(is_id_of(id_of(kMaker, other, kWhole), kMaker, kSource, kWhole));
  EXPECT_FALSE(is_id_of("", kMaker, kSource, kWhole));
  MemoryMaker alice = kMaker;
  const std::string space = space_of("alice");
  alice.space = space;
  EXPECT_FALSE(is_id_of(old, alice, kSource, kWhole));
  EXPECT_FALSE(is_id_of(id_of(kMaker, kSource, kWhole), alice, kSource, kWhole));
}

}  // namespace
}  // namespace transept::serve
