#include "serve/admission.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "serve/errors.h"

namespace transept::serve {
namespace {

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
  EXPECT_EQ(fails("/tmp"), ErrorCode::not_found);
  EXPECT_EQ(fails(file_with("# none\n")), ErrorCode::bad_data);
  EXPECT_EQ(fails(file_with("a short\n")), ErrorCode::bad_data);
}

}  // namespace
}  // namespace transept::serve
