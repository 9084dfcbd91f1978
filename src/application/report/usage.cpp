#include "application/report/usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <string_view>

#include "kronwerk/communication/traffic.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/work.hpp"

namespace kronwerk::application {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

/// Seconds from the start of the process to now; 0 where the kernel does not say.
double process_age() {
  // proc(5): field 22 is when the process began, in ticks since the machine did; field 2, the
  // program's name in parentheses, may hold anything.
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t name_end = text.rfind(')');
  timespec now{};
  if (name_end == std::string::npos || clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
  std::size_t place = name_end;
  for (int field = 2; field < 22 && place != std::string::npos; ++field) {
    place = text.find(' ', place + 1);
  }
  if (place == std::string::npos) return 0;
  const double ticks = std::strtod(text.c_str() + place, nullptr);
  const double begun = ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  const double age =
      static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) - begun;
  return std::max(0.0, age);
}

double seconds_since_start() {
  using Clock = std::chrono::steady_clock;
  static const double age_then = process_age();
  static const Clock::time_point then = Clock::now();
  return age_then + std::chrono::duration<double>(Clock::now() - then).count();
}

}  // namespace

Usage& Usage::operator+=(const Usage& other) {
  elapsed += other.elapsed;
  waiting += other.waiting;
  system += other.system;
  touched_bytes += other.touched_bytes;
  messages += other.messages;
  bytes_sent += other.bytes_sent;
  shared_bytes += other.shared_bytes;
  collectives += other.collectives;
  flops += other.flops;
  return *this;
}

Usage Usage::operator-(const Usage& other) const {
  return {elapsed - other.elapsed,
          waiting - other.waiting,
          system - other.system,
          touched_bytes - other.touched_bytes,
          messages - other.messages,
          bytes_sent - other.bytes_sent,
          shared_bytes - other.shared_bytes,
          collectives - other.collectives,
          flops - other.flops};
}

std::size_t measure_index(const char* name) {
  const auto found = std::ranges::find(measures, std::string_view(name),
                                       [](const Measure& m) { return std::string_view(m.name); });
  if (found == measures.end()) throw core::InternalError("no such measure of a stage");
  return static_cast<std::size_t>(found - measures.begin());
}

Usage measure_usage() {
  Usage usage;
  usage.elapsed = seconds_since_start();
  rusage kernel{};
  getrusage(RUSAGE_SELF, &kernel);
  usage.system = seconds_of(kernel.ru_stime);
  usage.touched_bytes =
      static_cast<double>(kernel.ru_minflt) * static_cast<double>(sysconf(_SC_PAGESIZE));
  const communication::Traffic& traffic = communication::traffic();
  usage.waiting = 1e-9 * static_cast<double>(traffic.waiting_nanoseconds);
  usage.messages = static_cast<double>(traffic.messages);
  usage.bytes_sent = static_cast<double>(traffic.message_bytes);
  usage.shared_bytes = static_cast<double>(traffic.shared_bytes);
  usage.collectives = static_cast<double>(traffic.collectives);
  usage.flops = core::work().flops;
  return usage;
}

}  // namespace kronwerk::application
