// Which tables this build and this machine have, and the choice among them.
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <cstdlib>

#include "base/error.h"
#include "kernels/kernels.h"
#include "kernels/targets.h"

namespace transept {
namespace {

struct Target {
  const char* name;
  const KernelTable& (*table)();
  bool supported;
};

#if defined(__x86_64__)
// GCC 12's __builtin_cpu_supports does not know it. The system saves its registers where AVX2
// works.
bool has_avxvnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1u) != 0;
}

// The instructions, for tiles of bytes and of bf16, and a system that saves the tiles: Linux does
// for a process that asks (its documentation: arch/x86/xstate).
bool has_amx() {
  constexpr unsigned kInstructions = 1u << 22 | 1u << 24 | 1u << 25;  // bf16, tiles, int8
  constexpr long kAskForState = 0x1023;                               // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  if ((d & kInstructions) != kInstructions) return false;
  static const bool granted = syscall(SYS_arch_prctl, kAskForState, kTileData) == 0;
  return granted;
}
#endif

// Slowest first.
std::vector<Target> targets() {
  std::vector<Target> list{{"reference", reference_kernels, true}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  const bool avx512 =
      avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
  list.push_back({"avx2", avx2_kernels, avx2});
  list.push_back({"avxvnni", avxvnni_kernels, avx2 && has_avxvnni()});
  list.push_back({"avx512", avx512_kernels, avx512});
  const bool vnni = avx512 && __builtin_cpu_supports("avx512vnni") != 0;
  const bool bf16 = vnni && __builtin_cpu_supports("avx512bf16") != 0;
  list.push_back({"avx512vnni", avx512vnni_kernels, vnni});
  list.push_back({"avx512bf16", avx512bf16_kernels, bf16});
  list.push_back({"amx", amx_kernels, bf16 && has_amx()});
#elif defined(__aarch64__)
  list.push_back({"neon", neon_kernels, true});
  list.push_back({"neondot", neondot_kernels, (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0});
#endif
  return list;
}

std::string names(bool supported_only) {
  std::string text;
  for (const Target& target : targets()) {
    if (supported_only && !target.supported) continue;
    if (!text.empty()) text += ", ";
    text += target.name;
  }
  return text;
}

}  // namespace

const std::vector<const KernelTable*>& available_kernels() {
  static const std::vector<const KernelTable*> tables = [] {
    std::vector<const KernelTable*> list;
    for (const Target& target : targets())
      if (target.supported) list.push_back(&target.table());
    return list;
  }();
  return tables;
}

const KernelTable& kernels_by_name(const std::string& name) {
  for (const KernelTable* table : available_kernels())
    if (name == table->name) return *table;
  for (const Target& target : targets())
    check(name != target.name, ErrorCode::usage,
          "instruction set {}: not supported by this machine, which has {}", name,
          [] { return names(true); });
  fail(ErrorCode::usage, "instruction set \"{}\": unknown, expected one of {}", name, names(true));
}

const KernelTable& chosen_kernels() {
  static const KernelTable& table = []() -> const KernelTable& {
    const char* forced = std::getenv("TRANSEPT_ISA");
    if (forced == nullptr || *forced == '\0') return *available_kernels().back();
    return kernels_by_name(forced);
  }();
  return table;
}

std::string describe_kernels() {
  std::string text;
  for (const Target& target : targets())
    text += fmt::format("{:<10} {}\n", target.name, target.supported ? "yes" : "no");
  return text;
}

}  // namespace transept
