#pragma once

#include <cstddef>
#include <string>

namespace kronwerk::communication {

/// A mapped piece of memory. Plain data: whoever holds it unmaps it.
struct Mapping {
  std::byte* data = nullptr;
  std::size_t mapped = 0;
};

/// Anonymous memory of this process, in huge pages where the system offers them.
/// @throws ResourceError
Mapping map_private(std::size_t size);

/// Creates and reserves a named shared segment. @throws ResourceError if /dev/shm is short
Mapping create_segment(const std::string& name, std::size_t size);

/// Maps a segment that another rank of the node created. @throws ResourceError
Mapping open_segment(const std::string& name, std::size_t size);

/// Removes the name; mappings stay. Local.
void unlink_segment(const std::string& name) noexcept;

void unmap(Mapping& mapping) noexcept;

/// A name no other segment of this machine has, from this process's id and a counter.
std::string new_segment_name();

}  // namespace kronwerk::communication
