#include "serve/fair_queue.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace transept::serve {
namespace {

constexpr auto kAny = [](const std::string&) { return true; };

std::string all(FairQueue<std::string>& queue) {
  std::string order;
  while (const auto item = queue.pop(kAny)) order += *item;
  return order;
}

TEST(FairQueue, OwnersTakeTurns) {
  FairQueue<std::string> queue;
  for (const char* item : {"a", "b", "c", "d"}) queue.push(1, 10, item);
  for (const char* item : {"x", "y"}) queue.push(2, 10, item);
  EXPECT_EQ(queue.size(), 6U);
  EXPECT_EQ(all(queue), "axbycd");
  EXPECT_TRUE(queue.empty());
}

TEST(FairQueue, TurnsAreAsLongAsWhatIsDoneInThem) {
  FairQueue<std::string> queue;
  for (const char* item : {"A", "B"}) queue.push(1, 40, item);
  for (const char* item : {"s", "t", "u", "v", "w"}) queue.push(2, 10, item);
  EXPECT_EQ(all(queue), "AstuvBw");
}

TEST(FairQueue, RestIsNotSavedUp) {
  FairQueue<std::string> queue;
  queue.push(2, 10, "x");
  for (const char* item : {"a", "b", "c", "d"}) queue.push(1, 10, item);
  EXPECT_EQ(queue.pop(kAny), "a");
  EXPECT_EQ(queue.pop(kAny), "x");
  EXPECT_EQ(queue.pop(kAny), "b");
  EXPECT_EQ(queue.pop(kAny), "c");
  queue.push(2, 10, "y");
  queue.push(2, 10, "z");
  EXPECT_EQ(all(queue), "ydz");
}

TEST(FairQueue, WhatDoesNotFitIsPassedOver) {
  FairQueue<std::string> queue;
  queue.push(1, 10, "long");
  queue.push(1, 10, "b");
  queue.push(2, 10, "long");
  const auto is_short = [](const std::string& item) { return item.size() < 3; };
  EXPECT_EQ(queue.pop(is_short), "b");
  EXPECT_EQ(queue.pop(is_short), std::nullopt);
  queue.erase_if([](const std::string& item) { return item == "long"; });
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.pop(kAny), std::nullopt);
}

}  // namespace
}  // namespace transept::serve
