/* The yardstick: what starting and ending any dynamically linked program costs. */
int main(void)
{
	return 0;
}
