// How a whole model fares on a busy machine: tokens per second with one thread and with several,
// quiet and beside busy loops ("hogs", processes that this program starts and ends), or beside
// another process that computes with as many threads. Everything in turns; medians over the rounds,
// of ratios too. Each measured model lives in a process of its own, so another build's busy_bench
// can be measured in the same turns:
//
//   busy_bench [--work tiny,base,train] [--threads 2] [--hogs 0,1,2,4,8] [--beside tiny,train]
//              [--rounds 5] [--seconds 1] [--other PATH/TO/ANOTHER/busy_bench]
#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/timing.h"
#include "busy_work.h"
#include "kernels/kernels.h"

namespace transept {
namespace {

struct Options {
  std::vector<std::string> work = names_of_work();
  std::vector<int> hogs{0, 1, 2, 4, 8};
  std::vector<std::string> beside{"tiny", "train"};
  std::string other;
  std::string serve;  // what a process that this program starts does
  int threads = 2;
  int rounds = 5;
  double seconds = 1;
};

[[noreturn]] void give_up(const char* what) {
  throw std::runtime_error(fmt::format("{}: {}", what, strerror(errno)));
}

// A child that ends with this program, however it ends.
template <class F>
pid_t start(F&& f) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) give_up("fork");
  if (child > 0) return child;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() == parent) f();
  _exit(127);
}

void end(pid_t child) {
  kill(child, SIGKILL);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

class Hogs {
 public:
  Hogs(int n, double seconds) {
    for (int i = 0; i < n; ++i) {
      pids_.push_back(start([&] {
        alarm(static_cast<unsigned>(seconds) + 60);  // should nobody end it
        for (volatile unsigned x = 0;;) (void)x;
      }));
    }
  }
  Hogs(const Hogs&) = delete;
  Hogs& operator=(const Hogs&) = delete;
  ~Hogs() {
    for (const pid_t pid : pids_) end(pid);
  }

 private:
  std::vector<pid_t> pids_;
};

// serve_work() of this program or another in a process.
class Worker {
 public:
  Worker(const std::string& program, const std::string& work, int threads) {
    int to[2];
    int from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) give_up("pipe");
    pid_ = start([&] {
      dup2(to[0], STDIN_FILENO);
      dup2(from[1], STDOUT_FILENO);
      const std::string number = std::to_string(threads);
      execl(program.c_str(), program.c_str(), "--serve", work.c_str(), "--threads", number.c_str(),
            nullptr);
    });
    close(to[0]);
    close(from[1]);
    out_ = fdopen(to[1], "w");
    in_ = fdopen(from[0], "r");
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    (void)std::fclose(out_);
    (void)std::fclose(in_);
    end(pid_);
  }

  void begin(double seconds) {
    fmt::print(out_, "{}\n", seconds);
    if (std::fflush(out_) != 0) give_up("a measured process");
  }
  double tokens_per_second() {
    double rate = 0;
    if (std::fscanf(in_, "%lf", &rate) != 1) give_up("a measured process ended");
    return rate;
  }

 private:
  pid_t pid_ = 0;
  std::FILE* out_ = nullptr;
  std::FILE* in_ = nullptr;
};

// One build, one kind of work: with one thread, and with several.
struct Build {
  Build(const std::string& program, const std::string& work, int threads)
      : one(program, work, 1), several(program, work, threads) {}

  Worker one, several;
};

// Tokens per second of every round.
struct Rates {
  std::vector<double> one, several;
};

// Ratios of what was measured in the same round.
double median_ratio(const std::vector<double>& over, const std::vector<double>& under) {
  std::vector<double> ratios(over.size());
  std::ranges::transform(over, under, ratios.begin(), std::divides<>());
  return median(ratios);
}

double measure(Worker& worker, Worker* company, double seconds) {
  worker.begin(seconds);
  if (company != nullptr) company->begin(seconds);
  const double rate = worker.tokens_per_second();
  if (company != nullptr) (void)company->tokens_per_second();
  return rate;
}

double load_average() {
  double load = 0;
  std::ifstream("/proc/loadavg") >> load;
  return load;
}

// A row of the table.
void print(const std::string& work, const std::string& company, const std::vector<Rates>& builds) {
  fmt::print("| {:5} | {:12} |", work, company);
  for (const Rates& r : builds) {
    fmt::print(" {:8.0f} | {:8.0f} | {:5.2f} |", median(r.one), median(r.several),
               median_ratio(r.several, r.one));
  }
  if (builds.size() > 1) {
    fmt::print(" {:5.2f} |", median_ratio(builds[0].several, builds[1].several));
  }
  fmt::print(" {:5.1f} |\n", load_average());
  (void)std::fflush(stdout);
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options), programs_{std::filesystem::read_symlink("/proc/self/exe").string()} {
    if (!options.other.empty()) programs_.push_back(options.other);
  }

  void run() {
    print_head();
    for (const std::string& work : options_.work) {
      std::vector<std::unique_ptr<Build>> builds;
      for (const std::string& program : programs_)
        builds.push_back(std::make_unique<Build>(program, work, options_.threads));
      for (auto& build : builds) {  // they are ready when they have answered
        (void)measure(build->one, nullptr, 0.1);
        (void)measure(build->several, nullptr, 0.1);
      }
      for (const int hogs : options_.hogs) {
        print(work,
              hogs == 0 ? "nothing" : fmt::format("{} busy loop{}", hogs, hogs == 1 ? "" : "s"),
              beside_hogs(builds, hogs));
      }
      for (const std::string& company : options_.beside)
        print(work, company, beside_work(builds, company));
    }
  }

 private:
  void print_head() const {
    fmt::print("kernels {}, {} processors, rounds of {} s, median of {}; tokens/s\n\n",
               chosen_kernels().name, sysconf(_SC_NPROCESSORS_ONLN), options_.seconds,
               options_.rounds);
    std::string head = "| model | beside       |";
    std::string rule = "|---|---|";
    for (size_t i = 0; i < programs_.size(); ++i) {
      head += fmt::format(" 1 thread | {} thr.   | ratio |", options_.threads);
      rule += "---|---|---|";
    }
    if (programs_.size() > 1) head += " to the other |";
    fmt::print("{} load |\n{}{}---|\n", head, rule, programs_.size() > 1 ? "---|" : "");
  }

  std::vector<Rates> beside_hogs(const std::vector<std::unique_ptr<Build>>& builds, int n) const {
    std::vector<Rates> rates(builds.size());
    const Hogs hogs(n, 4 * options_.seconds * options_.rounds);
    for (int round = 0; round < options_.rounds; ++round) {
      for (size_t i = 0; i < builds.size(); ++i) {
        rates[i].one.push_back(measure(builds[i]->one, nullptr, options_.seconds));
        rates[i].several.push_back(measure(builds[i]->several, nullptr, options_.seconds));
      }
    }
    return rates;
  }

  // Beside a process of the same build that does `company` with as many threads.
  std::vector<Rates> beside_work(const std::vector<std::unique_ptr<Build>>& builds,
                                 const std::string& company) const {
    std::vector<std::unique_ptr<Build>> others;
    for (const std::string& program : programs_)
      others.push_back(std::make_unique<Build>(program, company, options_.threads));
    std::vector<Rates> rates(builds.size());
    for (int round = -1; round < options_.rounds; ++round) {
      for (size_t i = 0; i < builds.size(); ++i) {
        const double one = measure(builds[i]->one, &others[i]->one, options_.seconds);
        const double several = measure(builds[i]->several, &others[i]->several, options_.seconds);
        if (round < 0) continue;  // until the company was ready, its models were being made
        rates[i].one.push_back(one);
        rates[i].several.push_back(several);
      }
    }
    return rates;
  }

  Options options_;
  std::vector<std::string> programs_;
};

}  // namespace
}  // namespace transept

int main(int argc, char** argv) {
  transept::Options options;
  CLI::App app{"Whole models on a busy machine"};
  const auto known = CLI::IsMember(transept::names_of_work());
  app.add_option("--work", options.work, "What is measured")->delimiter(',')->check(known);
  app.add_option("--threads", options.threads, "Threads, against one");
  app.add_option("--hogs", options.hogs, "Numbers of busy loops beside it")->delimiter(',');
  app.add_option("--beside", options.beside, "Other work beside it")
      ->delimiter(',')
      ->check(CLI::IsMember(transept::names_of_work()) | CLI::IsMember({"none"}));
  app.add_option("--rounds", options.rounds, "Rounds")->check(CLI::Range(1, 1000));
  app.add_option("--seconds", options.seconds, "Of each measurement")->check(CLI::Range(0.01, 60.));
  app.add_option("--other", options.other, "Another build's busy_bench, measured in the same turns")
      ->check(CLI::ExistingFile);
  app.add_option("--serve", options.serve, "")->group("")->check(known);
  CLI11_PARSE(app, argc, argv);
  std::erase(options.beside, "none");
  (void)signal(SIGPIPE, SIG_IGN);
  try {
    if (options.serve.empty()) {
      transept::Bench(options).run();
    } else {
      transept::serve_work(options.serve, options.threads);
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
