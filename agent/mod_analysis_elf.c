/* What an ELF file says that it needs (System V ABI, "Dynamic Section"): a
 * mapped file of which nothing is believed before it is within bounds. */
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mod_analysis.h"
#include "platform.h"
#include "sensor.h"

enum { MAX_NEEDED = 512, MAX_FILE = 1 << 30 };

struct elf {
	const char	*p;
	size_t		 n;
};

/* n bytes at an offset; NULL where they are not all there. */
static const void *
at(const struct elf *e, uint64_t off, uint64_t n)
{
	return off <= e->n && n <= e->n - off ? e->p + off : NULL;
}

/* The file's place of an address that is loaded; 0: none. */
static uint64_t
offset_of(const struct elf *e, const Elf64_Ehdr *h, uint64_t address)
{
	const Elf64_Phdr	*ph;
	int			 i;

	for (i = 0; i < h->e_phnum; i++) {
		ph = at(e, h->e_phoff + (uint64_t)i * sizeof(*ph),
		    sizeof(*ph));
		if (ph != NULL && ph->p_type == PT_LOAD &&
		    address >= ph->p_vaddr &&
		    address - ph->p_vaddr < ph->p_filesz)
			return ph->p_offset + (address - ph->p_vaddr);
	}
	return 0;
}

static void
add_name(const struct elf *e, uint64_t off, json_t *names)
{
	const char	*s = at(e, off, 1);

	if (s != NULL && memchr(s, '\0', e->n - off) != NULL &&
	    json_array_size(names) < MAX_NEEDED)
		json_array_append_new(names, text_json(s));
}

static json_t *
read_dynamic(const struct elf *e, const Elf64_Ehdr *h, const Elf64_Phdr *ph)
{
	const Elf64_Dyn	*d;
	json_t		*names = json_array();
	uint64_t	 strings = 0, i, n = ph->p_filesz / sizeof(*d);

	for (i = 0; i < n; i++) {
		d = at(e, ph->p_offset + i * sizeof(*d), sizeof(*d));
		if (d == NULL || d->d_tag == DT_NULL)
			break;
		if (d->d_tag == DT_STRTAB)
			strings = offset_of(e, h, d->d_un.d_ptr);
	}
	for (i = 0; strings != 0 && i < n; i++) {
		d = at(e, ph->p_offset + i * sizeof(*d), sizeof(*d));
		if (d == NULL || d->d_tag == DT_NULL)
			break;
		if (d->d_tag == DT_NEEDED && d->d_un.d_val < e->n)
			add_name(e, strings + d->d_un.d_val, names);
	}
	return names;
}

/* Those of 64 bits in this machine's byte order; a static one needs none. */
static json_t *
read_elf(const struct elf *e)
{
	const Elf64_Ehdr	*h = at(e, 0, sizeof(*h));
	const Elf64_Phdr	*ph;
	int			 i;

	if (h == NULL || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 ||
	    h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_phoff % 8 != 0 ||
	    h->e_ident[EI_DATA] != (__BYTE_ORDER__ ==
	    __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB))
		return NULL;
	for (i = 0; i < h->e_phnum; i++) {
		ph = at(e, h->e_phoff + (uint64_t)i * sizeof(*ph),
		    sizeof(*ph));
		if (ph == NULL)
			return NULL;
		if (ph->p_type == PT_DYNAMIC)
			return ph->p_offset % 8 == 0 ?
			    read_dynamic(e, h, ph) : NULL;
	}
	return json_array();
}

json_t *
elf_needed(const char *path)
{
	int		 fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat	 st;
	struct elf	 e;
	json_t		*names = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    st.st_size < MAX_FILE) {
		e.n = (size_t)st.st_size;
		if ((e.p = platform_map(fd, e.n, 0)) != NULL) {
			names = read_elf(&e);
			platform_unmap((void *)(uintptr_t)e.p, e.n);
		}
	}
	close(fd);
	return names;
}
