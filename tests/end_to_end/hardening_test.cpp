// What the command is built with against faults of memory (cmake/hardening.cmake), read from the
// ELF file itself.
#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace transept::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#ifdef __OPTIMIZE__
constexpr bool kOptimized = true;
#else
constexpr bool kOptimized = false;
#endif

class Elf {
 public:
  explicit Elf(const std::string& path) : bytes_(read_file(path)) {
    header_ = at<Elf64_Ehdr>(0);
    for (int i = 0; i < header_.e_phnum; ++i)
      segments_.push_back(at<Elf64_Phdr>(header_.e_phoff + size_t{header_.e_phentsize} * i));
    for (int i = 0; i < header_.e_shnum; ++i)
      sections_.push_back(at<Elf64_Shdr>(header_.e_shoff + size_t{header_.e_shentsize} * i));
  }

  [[nodiscard]] bool is_elf64() const {
    return std::memcmp(header_.e_ident, ELFMAG, SELFMAG) == 0 &&
           header_.e_ident[EI_CLASS] == ELFCLASS64;
  }
  [[nodiscard]] int type() const { return header_.e_type; }
  [[nodiscard]] int machine() const { return header_.e_machine; }
  [[nodiscard]] const std::vector<Elf64_Phdr>& segments() const { return segments_; }

  [[nodiscard]] const Elf64_Phdr* segment(uint32_t type) const {
    for (const Elf64_Phdr& segment : segments_)
      if (segment.p_type == type) return &segment;
    return nullptr;
  }
  // 0 if the dynamic section has no such entry.
  [[nodiscard]] uint64_t dynamic(int64_t tag) const {
    const Elf64_Phdr* segment = this->segment(PT_DYNAMIC);
    if (segment == nullptr) return 0;
    for (size_t i = 0; i < segment->p_filesz; i += sizeof(Elf64_Dyn)) {
      const auto entry = at<Elf64_Dyn>(segment->p_offset + i);
      if (entry.d_tag == tag) return entry.d_un.d_val;
    }
    return 0;
  }
  // Names that the loader looks up elsewhere, and those that are here.
  [[nodiscard]] std::set<std::string, std::less<>> imports() const {
    std::set<std::string, std::less<>> names;
    for (const Elf64_Shdr& section : sections_) {
      if (section.sh_type != SHT_DYNSYM) continue;
      const Elf64_Shdr& strings = sections_.at(section.sh_link);
      for (size_t i = 0; i < section.sh_size; i += sizeof(Elf64_Sym)) {
        const auto symbol = at<Elf64_Sym>(section.sh_offset + i);
        if (symbol.st_shndx == SHN_UNDEF)
          names.emplace(bytes_.c_str() + strings.sh_offset + symbol.st_name);
      }
    }
    return names;
  }
  [[nodiscard]] std::string_view code() const {
    const Elf64_Shdr& names = sections_.at(header_.e_shstrndx);
    for (const Elf64_Shdr& section : sections_) {
      if (std::string_view(bytes_.c_str() + names.sh_offset + section.sh_name) == ".text")
        return std::string_view(bytes_).substr(section.sh_offset, section.sh_size);
    }
    return {};
  }

 private:
  template <class T>
  [[nodiscard]] T at(size_t offset) const {
    T value{};
    EXPECT_LE(offset + sizeof value, bytes_.size());
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

  std::string bytes_;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Shdr> sections_;
};

class Hardening : public ::testing::Test {
 protected:
  Hardening() : elf_(TRANSEPT_COMMAND) {}
  void SetUp() override { ASSERT_TRUE(elf_.is_elf64()); }
  Elf elf_;
};

TEST_F(Hardening, TheCommandMayBeLoadedAnywhere) {
  EXPECT_EQ(elf_.type(), ET_DYN);
  EXPECT_NE(elf_.dynamic(DT_FLAGS_1) & DF_1_PIE, 0U);
}

TEST_F(Hardening, AddressesAreBoundAtTheStartAndReadOnly) {
  EXPECT_NE(elf_.segment(PT_GNU_RELRO), nullptr);
  EXPECT_TRUE((elf_.dynamic(DT_FLAGS) & DF_BIND_NOW) != 0 ||
              (elf_.dynamic(DT_FLAGS_1) & DF_1_NOW) != 0);
}

TEST_F(Hardening, NoMemoryIsWritableAndExecutable) {
  const Elf64_Phdr* stack = elf_.segment(PT_GNU_STACK);
  ASSERT_NE(stack, nullptr);
  EXPECT_EQ(stack->p_flags & PF_X, 0U);
  for (const Elf64_Phdr& segment : elf_.segments()) {
    const bool both = (segment.p_flags & PF_W) != 0 && (segment.p_flags & PF_X) != 0;
    EXPECT_FALSE(segment.p_type == PT_LOAD && both);
  }
}

TEST_F(Hardening, TheStackIsProtected) {
  EXPECT_TRUE(elf_.imports().contains("__stack_chk_fail"));
}

TEST_F(Hardening, CallsOfTheCLibraryAreChecked) {
  if (kSanitized || !kOptimized) GTEST_SKIP() << "not in this kind of build";
  size_t checked = 0;
  for (const std::string& name : elf_.imports())
    checked += name.starts_with("__") && name.ends_with("_chk");
  EXPECT_GT(checked, 0U);
}

// Every function that may be called through a pointer begins with endbr64.
TEST_F(Hardening, IndirectCallsLandOnMarks) {
  if (elf_.machine() != EM_X86_64) GTEST_SKIP() << "of x86 alone";
  const std::string_view code = elf_.code();
  size_t marks = 0;
  for (size_t at = 0; (at = code.find("\xf3\x0f\x1e\xfa", at)) != std::string_view::npos; ++at)
    ++marks;
  EXPECT_GT(marks, 1000U);
}

}  // namespace
}  // namespace transept::testing
