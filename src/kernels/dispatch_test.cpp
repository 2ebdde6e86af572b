// Laws of the choice of a table.
#include <gtest/gtest.h>

#include <string>

#include "kernels/kernels_testing.h"
#include "transept/error.h"

namespace transept {
namespace {

TEST(Dispatch, ReferenceComesFirstAndEveryTableIsFoundByItsName) {
  ASSERT_FALSE(available_kernels().empty());
  EXPECT_EQ(available_kernels().front(), &reference_kernels());
  for (const KernelTable* table : available_kernels()) {
    EXPECT_EQ(&kernels_by_name(table->name), table);
    EXPECT_NE(describe_kernels().find(table->name), std::string::npos);
  }
}

TEST(Dispatch, UnknownNameIsAUsageErrorThatListsTheValidOnes) {
  try {
    (void)kernels_by_name("sse9");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    EXPECT_NE(std::string(error.what()).find("sse9"), std::string::npos);
    for (const KernelTable* table : available_kernels())
      EXPECT_NE(std::string(error.what()).find(table->name), std::string::npos);
  }
}

// So that the log of a run says what it covered.
TEST(Dispatch, PrintsTheTestedTables) {
  std::string names;
  for (const KernelTable* table : tested_kernels()) names += std::string(" ") + table->name + ",";
  GTEST_LOG_(INFO) << "kernel tables under test:" << names;
}

TEST(Dispatch, TheChosenTableIsAvailable) {
  EXPECT_EQ(&kernels_by_name(chosen_kernels().name), &chosen_kernels());
}

}  // namespace
}  // namespace transept
