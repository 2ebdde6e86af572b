#include "serve/admission.h"

#include <gtest/gtest.h>

#include "serve/errors.h"

namespace transept::serve {
namespace {

int status_of(Admission& admission, Admission::Key& key, std::int64_t tokens,
              std::vector<std::unique_ptr<Admission::Ticket>>& held) {
  try {
    held.push_back(admission.admit(key, tokens));
    return 200;
  } catch (const Refusal& refusal) {
    return refusal.status();
  }
}

TEST(Admission, AKeyHasItsPartThoughOthersBorrowedIt) {
  AdmissionOptions options;
  options.most_tokens = 100;
  Admission admission(options);
  Admission::Key a;
  Admission::Key b;
  Admission::Key c;
  std::vector<std::unique_ptr<Admission::Ticket>> of_a;
  std::vector<std::unique_ptr<Admission::Ticket>> of_b;
  std::vector<std::unique_ptr<Admission::Ticket>> of_c;
  EXPECT_EQ(status_of(admission, a, 101, of_a), 413);
  EXPECT_EQ(status_of(admission, a, 60, of_a), 200);
  EXPECT_EQ(status_of(admission, a, 40, of_a), 200) << "alone it may have all";
  EXPECT_EQ(status_of(admission, a, 1, of_a), 503);
  EXPECT_EQ(status_of(admission, b, 51, of_b), 503) << "more than half";
  EXPECT_EQ(status_of(admission, b, 30, of_b), 200);
  EXPECT_EQ(status_of(admission, b, 20, of_b), 200);
  EXPECT_EQ(status_of(admission, b, 1, of_b), 503);
  EXPECT_EQ(status_of(admission, c, 33, of_c), 200);
  EXPECT_EQ(status_of(admission, c, 1, of_c), 503);
  EXPECT_EQ(admission.tokens(), 183);
  of_a.clear();
  EXPECT_EQ(status_of(admission, b, 10, of_b), 200) << "there is room again";
  of_b.clear();
  of_c.clear();
  EXPECT_EQ(admission.tokens(), 0);
  EXPECT_EQ(status_of(admission, a, 100, of_a), 200);
}

}  // namespace
}  // namespace transept::serve
