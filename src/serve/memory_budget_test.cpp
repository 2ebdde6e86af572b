#include "serve/memory_budget.h"

#include <gtest/gtest.h>

namespace transept::serve {
namespace {

std::string leaves(MemoryBudget& budget) {
  std::string all;
  while (budget.is_over()) {
    const MemoryName name = budget.next_to_leave();
    all += name.space + "/" + name.id + " ";
    budget.remove(name);
  }
  return all;
}

TEST(MemoryBudget, TheLeastRecentlyUsedLeaves) {
  MemoryBudget budget(30);
  for (const char* id : {"1", "2", "3"}) budget.add({"a", id}, 10);
  EXPECT_FALSE(budget.is_over());
  budget.touch({"a", "1"});
  budget.touch({"a", "unknown"});
  budget.add({"a", "4"}, 20);
  EXPECT_EQ(leaves(budget), "a/2 a/3 ");
  EXPECT_EQ(budget.bytes(), 30U);
  EXPECT_EQ(budget.count(), 2U);
}

TEST(MemoryBudget, WhoHoldsMostGivesFirst) {
  MemoryBudget budget(100);
  budget.add({"a", "old"}, 30);
  for (int i = 0; i < 50; ++i) budget.add({"b", std::to_string(i)}, 10);
  const std::string left = leaves(budget);
  EXPECT_EQ(left.find("a/"), std::string::npos) << left;
  EXPECT_EQ(budget.bytes_of("a"), 30U);
  EXPECT_EQ(budget.bytes_of("b"), 70U);
  // A third one gets its share from whoever has more.
  for (int i = 0; i < 50; ++i) {
    budget.add({"c", std::to_string(i)}, 10);
    (void)leaves(budget);
  }
  EXPECT_EQ(budget.bytes_of("a"), 30U);
  EXPECT_GE(budget.bytes_of("b"), 30U);
  EXPECT_GE(budget.bytes_of("c"), 30U);
}

TEST(MemoryBudget, OneThatAloneIsTooMuchLeaves) {
  MemoryBudget budget(0);
  budget.add({"a", "1"}, 1);
  EXPECT_EQ(leaves(budget), "a/1 ");
  EXPECT_EQ(budget.bytes(), 0U);
  budget.remove({"a", "1"});
  EXPECT_EQ(budget.count(), 0U);
}

TEST(MemoryBudget, AddingAgainChangesTheSize) {
  MemoryBudget budget(100);
  budget.add({"a", "1"}, 10);
  budget.add({"a", "1"}, 25);
  EXPECT_EQ(budget.bytes(), 25U);
  EXPECT_EQ(budget.count(), 1U);
}

}  // namespace
}  // namespace transept::serve
