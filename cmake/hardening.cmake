# What makes a memory fault, should there be one, harder to use: checked buffers and return addresses, no writable and
# executable memory, tables of the linker read-only from the start. Held by tests/end_to_end/hardening_test.cpp.
include(CheckCXXCompilerFlag)
include(CheckLinkerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

function(transept_harden_compiler flag)
  string(MAKE_C_IDENTIFIER "TRANSEPT_HAS${flag}" known)
  check_cxx_compiler_flag(${flag} ${known})
  if(${known})
    add_compile_options(${flag})
  endif()
endfunction()

function(transept_harden_linker flag)
  string(MAKE_C_IDENTIFIER "TRANSEPT_HAS${flag}" known)
  check_linker_flag(CXX ${flag} ${known})
  if(${known})
    add_link_options(${flag})
  endif()
endfunction()

transept_harden_compiler(-fstack-protector-strong)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|i.86")
  transept_harden_compiler(-fcf-protection)
endif()
transept_harden_linker(-Wl,-z,relro,-z,now)
transept_harden_linker(-Wl,-z,noexecstack)
if(NOT TRANSEPT_SANITIZE)  # which check the same functions themselves
  # The level that compiler and C library know; it does nothing without optimisation, and says so.
  set(level 2)
  check_cxx_source_compiles("#include <features.h>
    #if !defined(__GLIBC__) || !__GLIBC_PREREQ(2, 35) || (!defined(__clang__) && __GNUC__ < 12)
    #error
    #endif
    int main() {}" TRANSEPT_HAS_FORTIFY_3)
  if(TRANSEPT_HAS_FORTIFY_3)
    set(level 3)
  endif()
  add_compile_options("$<$<NOT:$<CONFIG:Debug>>:SHELL:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${level}>")
endif()
