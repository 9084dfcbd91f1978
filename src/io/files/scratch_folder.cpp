#include "kronwerk/io/files/scratch_folder.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "io/files/file_descriptor.hpp"

namespace kronwerk::io {

ScratchFolder::ScratchFolder(const communication::Communicator& comm,
                             const std::filesystem::path& parent, const std::string& name)
    : owner_(comm.is_root()) {
  std::string made = (parent / (name + "-XXXXXX")).lexically_normal().string();
  communication::on_root(comm, [&] {
    if (::mkdtemp(made.data()) == nullptr) throw_creation_error(made, errno);
  });
  path_ = comm.broadcast(made);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (owner_) std::filesystem::remove_all(path_, ignored);
}

}  // namespace kronwerk::io
