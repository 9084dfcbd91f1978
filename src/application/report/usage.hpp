#pragma once

#include <array>
#include <cstddef>

namespace kronwerk::application {

/// What a rank has used, since its process (or what started it, see launch_seconds()) began or
/// within one stage.
struct Usage {
  double elapsed = 0;        ///< seconds
  double waiting = 0;        ///< seconds of them in MPI's calls that return when others have come
  double system = 0;         ///< processor seconds of the kernel, first touches among them
  double touched_bytes = 0;  ///< memory that got its pages: touched for the first time
  double messages = 0;       ///< sent
  double bytes_sent = 0;     ///< in them, and as this rank's part of collectives
  double shared_bytes = 0;   ///< moved to or from the memory of other ranks of the node
  double collectives = 0;
  double flops = 0;  ///< of products and solves along modes; others are not counted

  Usage& operator+=(const Usage& other);
  Usage operator-(const Usage& other) const;
};

/// A quantity of a stage, as results name it.
struct Measure {
  const char* name;
  double (*of)(const Usage& usage);
};
inline constexpr std::array<Measure, 10> measures{{
    {"seconds", [](const Usage& u) { return u.elapsed - u.waiting; }},
    {"waiting", [](const Usage& u) { return u.waiting; }},
    {"elapsed", [](const Usage& u) { return u.elapsed; }},
    {"system", [](const Usage& u) { return u.system; }},
    {"touched_bytes", [](const Usage& u) { return u.touched_bytes; }},
    {"messages", [](const Usage& u) { return u.messages; }},
    {"bytes_sent", [](const Usage& u) { return u.bytes_sent; }},
    {"shared_bytes", [](const Usage& u) { return u.shared_bytes; }},
    {"collectives", [](const Usage& u) { return u.collectives; }},
    {"flops", [](const Usage& u) { return u.flops; }},
}};
/// The place of a name in `measures`.
std::size_t measure_index(const char* name);

/// Of this process since it began, as the kernel says. Local.
Usage measure_usage();

}  // namespace kronwerk::application
