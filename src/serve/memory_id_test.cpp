#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "serve/memory_store.h"

namespace transept::serve {
namespace {

// The server's own ids, and those of a folder it finds after an update: end_to_end.
TEST(MemoryId, DependsOnModelTokenizerNumericsSegmentsAndSource) {
  const std::vector<Token> source = {5, 8, 1};
  const std::vector<Token> other = {5, 9, 1};
  const std::vector<Memory::Segment> whole = {{0, 3}};
  const std::vector<Memory::Segment> parts = {{0, 2}, {2, 3}};
  const MemoryStore::Maker maker{.model = "a model", .tokenizer_hash = "a tokenizer"};
  MemoryStore::Maker model = maker;
  model.model = "another";
  MemoryStore::Maker tokenizer = maker;
  tokenizer.tokenizer_hash = "another";
  MemoryStore::Maker numerics = maker;
  numerics.numerics = kNumericsVersion + 1;
  const std::string id = MemoryStore::id_of(maker, source, whole);
  EXPECT_EQ(MemoryStore::id_of(maker, source, whole), id);
  const std::set<std::string> ids = {id,
                                     MemoryStore::id_of(model, source, whole),
                                     MemoryStore::id_of(tokenizer, source, whole),
                                     MemoryStore::id_of(numerics, source, whole),
                                     MemoryStore::id_of(maker, source, parts),
                                     MemoryStore::id_of(maker, other, whole)};
  EXPECT_EQ(ids.size(), 6U);
}

}  // namespace
}  // namespace transept::serve
