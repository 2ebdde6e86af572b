#include "serve/admission.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

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

std::filesystem::path file_with(const std::string& text) {
  std::string name = ::testing::TempDir() + "keys-XXXXXX";
  const int descriptor = mkstemp(name.data());
  EXPECT_GE(descriptor, 0);
  std::ofstream(name) << text;
  return name;
}

Admission::Key& ask(Admission& admission, const std::string& secret) {
  return admission.key_of("Bearer " + secret, "");
}

TEST(Admission, KeysAreReplacedUnderThoseWhoUseThem) {
  AdmissionOptions options;
  options.key_file = file_with("a secret-of-a tokens_per_minute=100\nb secret-of-b\n");
  Admission admission(options);
  Admission::Key& a = ask(admission, "secret-of-a");
  Admission::Key& b = ask(admission, "secret-of-b");
  const auto used = admission.admit(a, 80);
  const auto running = admission.admit(b, 10);
  options.key_file = file_with("c secret-of-c\na another-of-a tokens_per_minute=100\n");
  admission.replace_keys(Admission::read_keys(options));
  EXPECT_EQ(&ask(admission, "another-of-a"), &a);
  EXPECT_THROW((void)admission.admit(a, 80), Refusal) << "what was used is not forgotten";
  EXPECT_THROW((void)ask(admission, "secret-of-a"), Refusal);
  EXPECT_THROW((void)ask(admission, "secret-of-b"), Refusal);
  EXPECT_EQ(b.name, "b");  // its request still runs
  EXPECT_EQ(ask(admission, "secret-of-c").name, "c");
}

TEST(Admission, AFileOfKeysIsAFileOfKeys) {
  AdmissionOptions options;
  const auto fails = [&](const std::filesystem::path& file) {
    options.key_file = file;
    try {
      const Admission admission(options);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(fails("/dev/zero"), ErrorCode::bad_data);
  EXPECT_EQ(fails("/nowhere/keys"), ErrorCode::not_found);
  EXPECT_EQ(fails("/tmp"), ErrorCode::bad_data);
  EXPECT_EQ(fails(file_with("# none\n")), ErrorCode::bad_data);
  EXPECT_EQ(fails(file_with("a short\n")), ErrorCode::bad_data);
}

}  // namespace
}  // namespace transept::serve
